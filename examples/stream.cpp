// An answer as it comes, through a whole chain.
#include <cstdio>

#include "fake/scripted_model.hpp"
#include "tenon/chain/chain.hpp"

// [stream]
template <class Chain>
tenon::task<tenon::Result<void>> print_as_it_comes(const Chain& story, std::string about) {
    TENON_CO_TRY(const auto pieces,
                 co_await story.stream(std::move(about), tenon::CallOptions::within(std::chrono::seconds(30))));
    for (;;) {
        TENON_CO_TRY(const auto piece, co_await pieces->next());
        if (!piece) break;
        std::printf("[%s]", piece->c_str());
    }
    std::puts("");
    co_return tenon::Result<void>{};
}
// [/stream]

int main() {
    const auto model = tenon::fake::scripted_model();
    model->when("story", tenon::fake::Script().says("从前有座山。", 9))
        .when("English", tenon::fake::Script().says("Once there was a hill.", 8));

    // [chain]
    // Only the last step that can stream does; what is before it must be whole first.
    auto story = tenon::prompt<std::string>("A story about {it}") | model | tenon::to_text() |
                 tenon::prompt<tenon::Text>("In English: {text}") | model | tenon::to_text();
    // [/chain]
    tenon::Runtime runtime(1);
    return tenon::sync_wait(runtime, print_as_it_comes(story, "a hill")) ? 0 : 1;
}
// prints: [Once the][re was a][ hill.]
