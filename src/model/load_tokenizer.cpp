#include "model/source.hpp"

namespace tenon::model {

Result<text::TokenizerPtr> load_tokenizer(const std::filesystem::path& path) {
    TENON_TRY(const auto source, ModelSource::open(path));
    return source->tokenizer();
}

}  // namespace tenon::model
