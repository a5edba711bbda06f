# Run as a script: cmake -DINPUT=file -DOUTPUT=x.cpp -DNAMESPACE=a::b -DFUNCTION=name -P EmbedText.cmake
# Writes a C++ file that defines `std::string_view NAMESPACE::FUNCTION()` with the file's bytes.
file(READ ${INPUT} hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
file(WRITE ${OUTPUT}.new "// Generated from ${INPUT}; do not edit.
#include <string_view>
namespace ${NAMESPACE} {
namespace {
const unsigned char bytes[] = {${bytes}0};
}  // namespace
std::string_view ${FUNCTION}();
std::string_view ${FUNCTION}() { return {reinterpret_cast<const char*>(bytes), sizeof bytes - 1}; }
}  // namespace ${NAMESPACE}
")
file(COPY_FILE ${OUTPUT}.new ${OUTPUT} ONLY_IF_DIFFERENT)
