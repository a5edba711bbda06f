// --prompt-cache FILE: what a model has read, from one run to the next.
#pragma once

#include <memory>
#include <string>

#include "tenon/llm/model.hpp"
#include "tenon/provider/local.hpp"

namespace tenon::app {

class PromptCache {
  public:
    /// Reads the file when it exists; an empty name is no cache. Errors: unsupported (a model that runs elsewhere),
    /// those of Engine::load_prefix.
    [[nodiscard]] static Result<PromptCache> open(const std::string& file, const llm::ChatModelPtr& model);
    /// Writes what is kept of the request's prompt. Errors: those of Engine::save_prefix.
    template <class Request>
    [[nodiscard]] Result<void> save(const Request& request) const {
        if (!model_) return {};
        TENON_TRY(const auto tokens, model_->prompt_tokens(request));
        TENON_CHECK(model_->engine().save_prefix(tokens, file_));
        return {};
    }

  private:
    std::string file_;
    std::shared_ptr<provider::LocalChatModel> model_;
};

}  // namespace tenon::app
