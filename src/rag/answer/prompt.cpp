#include "rag/answer/prompt.hpp"

#include <algorithm>
#include <array>

#include "tenon/base/utf8.hpp"
#include "tenon/rag/answer.hpp"
#include "tenon/text/splitter.hpp"

namespace tenon::rag {

PromptLanguage prompt_language(std::string_view question) {
    std::size_t han = 0, kana = 0;
    for (std::size_t i = 0; i < question.size();) {
        const auto d = utf8::decode(question, i);
        if (d.code_point >= 0x4E00 && d.code_point <= 0x9FFF) ++han;
        if (d.code_point >= 0x3040 && d.code_point <= 0x30FF) ++kana;
        i += d.length;
    }
    return han > 0 && kana == 0 ? PromptLanguage::chinese : PromptLanguage::english;
}

Prompt make_prompt(std::string_view question, std::span<const Passage> passages, std::span<const store::Hit> hits,
                   bool foreign) {
    const bool chinese = prompt_language(question) == PromptLanguage::chinese;
    // The best passage stands last, next to the question, which ends the prompt: a small model heeds what is near.
    std::string body = chinese ? "资料：\n" : "Text:\n";
    for (auto p = passages.rbegin(); p != passages.rend(); ++p) {
        const auto& hit = hits[p->hit];
        const std::string& heading = hit.chunk.heading.empty() ? hit.title : hit.chunk.heading;
        // The last heading says what the passage is about; the way there is noise to a small model.
        const auto cut = heading.rfind(" > ");
        const auto about = std::string_view(heading).substr(cut == std::string::npos ? 0 : cut + 3);
        body += "- ";
        if (!about.empty() && !p->text.starts_with(about)) body.append(about).append(chinese ? "：" : ": ");
        body.append(p->text).append("\n");
    }
    Prompt out;
    if (chinese) {
        out.system = "你根据给出的资料回答问题。";
        out.ask = body +
                  "\n根据以上资料，用一句完整的话回答下面的问题，照抄资料中的名称、数字、命令和文件名。"
                  "问题有几个部分就回答几个部分。";
        if (foreign) out.ask += "用中文回答。";
        out.ask += "\n问题：";
    } else {
        out.system = "You answer questions from the given text.";
        out.ask = body +
                  "\nUsing only the text above, answer this question in one full sentence. Copy names, numbers, "
                  "commands and file names exactly. Answer every part of the question.";
        const std::string_view language = text::detect_language(question);
        if (foreign && language == "en") out.ask += " Answer in English.";
        if (language == "ja" || language == "ko")
            out.ask += language == "ja" ? " Answer in Japanese." : " Answer in Korean.";
        out.ask += "\nQuestion: ";
    }
    out.ask += question;
    return out;
}

Prompt make_translation_prompt(std::string_view question) {
    Prompt out;
    out.system = "You are a translator.";
    const bool chinese = prompt_language(question) == PromptLanguage::chinese;
    out.ask = (chinese ? "Translate this question into English. Write only the translation.\n\n"
                       : "把下面的问题翻译成中文，只写译文。\n\n") +
              std::string(question);
    return out;
}

bool is_foreign(std::string_view question, std::span<const store::Hit> hits) {
    std::size_t han = 0, words = 0;
    for (const auto& hit : hits) {
        bool inside = false;
        const std::string_view text = hit.chunk.text;
        for (std::size_t i = 0; i < text.size();) {
            const auto d = utf8::decode(text, i);
            const bool letter = (d.code_point | 0x20U) >= 'a' && (d.code_point | 0x20U) <= 'z';
            if (letter && !inside) ++words;
            inside = letter;
            if (d.code_point >= 0x4E00 && d.code_point <= 0x9FFF) ++han;
            i += d.length;
        }
    }
    // Two characters make about one word; Chinese manuals are full of English names.
    const double share =
        static_cast<double>(han) / 2 / std::max(1.0, static_cast<double>(han) / 2 + static_cast<double>(words));
    if (prompt_language(question) == PromptLanguage::chinese) return share < 0.03;
    return text::detect_language(question) == "en" && share > 0.4;
}

bool is_yes_or_no(std::string_view sentence) noexcept {
    for (const std::string_view word :
         {"Yes", "No", "yes", "no", "是的", "不是", "可以", "不可以", "不能", "能", "会", "不会", "否"})
        if (sentence.starts_with(word)) return true;
    for (const std::string_view word : {" not ", "n't ", " never ", "不", "否"})
        if (sentence.find(word) != std::string_view::npos) return true;
    return false;
}

bool says_unknown(std::string_view answer) {
    static constexpr std::array phrases = {"does not say",
                                           "does not contain",
                                           "does not mention",
                                           "does not provide",
                                           "does not specify",
                                           "does not include",
                                           "does not state",
                                           "doesn't say",
                                           "doesn't contain",
                                           "doesn't mention",
                                           "doesn't provide",
                                           "doesn't specify",
                                           "not mentioned in",
                                           "not specified in",
                                           "not provided in",
                                           "no information",
                                           "not explicitly",
                                           "cannot be determined",
                                           "cannot answer",
                                           "can't answer",
                                           "unable to answer",
                                           "i don't know",
                                           "not stated in",
                                           "no mention of",
                                           "not found in the text",
                                           "not given in the text",
                                           "do not say",
                                           "do not contain",
                                           "not possible to determine",
                                           "没有提到",
                                           "没有提及",
                                           "没有给出",
                                           "没有说明",
                                           "没有提供",
                                           "没有包含",
                                           "没有关于",
                                           "没有相关",
                                           "未提到",
                                           "未提及",
                                           "未说明",
                                           "未给出",
                                           "未提供",
                                           "未找到",
                                           "无法回答",
                                           "无法确定",
                                           "不知道",
                                           "无法从资料",
                                           "资料中没有",
                                           "资料中并没有",
                                           "没有直接",
                                           "没有明确",
                                           "未明确",
                                           "没有答案"};
    std::string lower(answer);
    std::ranges::transform(lower, lower.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return std::ranges::any_of(phrases, [&](const char* p) { return lower.find(p) != std::string::npos; });
}

std::string refusal(std::string_view question) {
    const std::string_view language = text::detect_language(question);
    if (language == "ja") return "文書には書かれていません。";
    if (language == "ko") return "문서에는 나와 있지 않습니다.";
    if (prompt_language(question) == PromptLanguage::chinese) return "文档中没有说明。";
    return "The documents do not say.";
}

}  // namespace tenon::rag
