#include "serve/responses/kept.hpp"

#include "tenon/llm/message_json.hpp"

namespace tenon::serve::responses {
namespace {

std::string id_of(const json::Value& item) { return std::string(json::string_or(item, "id", "")); }

}  // namespace

Result<void> keep(store::Records& records, const std::string& owner, const Kept& kept) {
    json::Value messages;
    llm::write_messages(kept.messages, messages);
    const json::Object whole{{"response", kept.response}, {"input", kept.input}, {"messages", std::move(messages)}};
    std::vector<store::Record> all{{id_of(kept.response), owner, json::dump(whole), 0}};
    for (const auto* items : {&kept.input, &kept.response.at("output").get_array()})
        for (const auto& item : *items)
            if (const auto id = id_of(item); !id.empty()) all.push_back({id, owner, json::dump(item), 0});
    return records.put(all);
}

Result<std::optional<Kept>> find(store::Records& records, const std::string& owner, const std::string& id) {
    if (!id.starts_with("resp_")) return std::nullopt;
    TENON_TRY(const auto record, records.get(owner, id));
    if (!record) return std::nullopt;
    TENON_TRY(const auto whole, json::parse(record->text));
    const auto* response = json::find(whole, "response");
    const auto* input = json::find(whole, "input");
    const auto* messages = json::find(whole, "messages");
    if (response == nullptr || !response->is_object() || input == nullptr || !input->is_array() || messages == nullptr)
        return fail(ErrorCode::corrupt, "a stored response cannot be read");
    Kept out{response->get_object(), input->get_array(), {}};
    TENON_TRY(out.messages, llm::read_messages(*messages));
    return out;
}

std::optional<json::Value> find_item(store::Records& records, const std::string& owner, const std::string& id) {
    if (id.starts_with("resp_")) return std::nullopt;
    const auto record = records.get(owner, id);
    if (!record || !*record) return std::nullopt;
    auto item = json::parse((*record)->text);
    if (!item) return std::nullopt;
    return std::move(*item);
}

Result<bool> remove(store::Records& records, const std::string& owner, const std::string& id) {
    TENON_TRY(const auto kept, find(records, owner, id));
    if (!kept) return false;
    for (const auto* items : {&kept->input, &kept->response.at("output").get_array()})
        for (const auto& item : *items) TENON_CHECK(records.remove(owner, id_of(item)));
    return records.remove(owner, id);
}

}  // namespace tenon::serve::responses
