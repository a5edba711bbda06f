// What memories over a notebook share.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/agent/memory.hpp"

namespace tenon::agent {

/// What user and assistant said to each other, without tool calls and results.
[[nodiscard]] std::vector<llm::Message> spoken(const std::vector<llm::Message>& exchange);

class NotebookMemory : public Memory {
  public:
    explicit NotebookMemory(std::shared_ptr<store::Notebook> notebook) : notebook_(std::move(notebook)) {}
    [[nodiscard]] Result<std::string> export_user(std::string_view user) override;
    [[nodiscard]] Result<void> erase_user(std::string_view user) override;

  protected:
    [[nodiscard]] store::Notebook& notebook() const { return *notebook_; }

  private:
    std::shared_ptr<store::Notebook> notebook_;
};

}  // namespace tenon::agent
