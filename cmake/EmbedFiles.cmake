# Run as a script: cmake -DOUTPUT=x.cpp -DFOLDER=dir -DFUNCTION=name -P EmbedFiles.cmake
# Writes a C++ file that defines `std::span<const tenon::serve::EmbeddedFile> <FUNCTION>()` with every file of FOLDER.
file(GLOB_RECURSE files RELATIVE ${FOLDER} ${FOLDER}/*)
set(arrays "")
set(table "")
set(index 0)
foreach(name IN LISTS files)
  file(READ ${FOLDER}/${name} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(APPEND arrays "const unsigned char file_${index}[] = {${bytes}0};\n")
  string(APPEND table "    {\"/${name}\", {reinterpret_cast<const char*>(file_${index}), sizeof file_${index} - 1}},\n")
  math(EXPR index "${index} + 1")
endforeach()
if(index EQUAL 0)
  set(table "    {\"\", {}},\n")
endif()
file(WRITE ${OUTPUT}.new "// Generated from ${FUNCTION}'s folder; do not edit.
#include <span>
#include <string_view>
#include \"tenon/serve/embedded_file.hpp\"
namespace tenon::serve {
namespace {
${arrays}
const EmbeddedFile table[] = {
${table}};
}  // namespace
std::span<const EmbeddedFile> ${FUNCTION}() { return {table, ${index}}; }
}  // namespace tenon::serve
")
file(COPY_FILE ${OUTPUT}.new ${OUTPUT} ONLY_IF_DIFFERENT)
