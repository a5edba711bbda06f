#include "prompt_cache.hpp"

namespace tenon::app {

Result<PromptCache> PromptCache::open(const std::string& file, const llm::ChatModelPtr& model) {
    PromptCache cache;
    if (file.empty()) return cache;
    cache.file_ = file;
    cache.model_ = std::dynamic_pointer_cast<provider::LocalChatModel>(model);
    if (!cache.model_)
        return fail(ErrorCode::unsupported, "--prompt-cache is for models that run here; leave it out for others");
    std::error_code ignored;
    if (std::filesystem::exists(file, ignored)) TENON_CHECK(cache.model_->engine().load_prefix(file));
    return cache;
}

}  // namespace tenon::app
