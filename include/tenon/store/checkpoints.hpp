// Checkpoints of long runs: the state of a run after each of its steps, kept so that a killed process goes on where it
// was, and a past state can be looked at or gone on from.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/base/error.hpp"

namespace tenon::store {

struct Checkpoint {
    std::string run;              ///< the run's name
    std::int64_t id = 0;          ///< grows with each save in a store; given by `save`
    std::int64_t parent = 0;      ///< the checkpoint it came from; 0: the beginning
    std::string label;            ///< what had been done: "model", "tool get_weather", a node's name …
    std::string state;            ///< whatever the run needs; text
    std::int64_t created_at = 0;  ///< milliseconds since 1970, given by `save`
};

/// Thread-safe. A checkpoint that `save` returned for is there after kill -9.
class Checkpoints {
  public:
    virtual ~Checkpoints() = default;
    /// In memory: gone with the object.
    [[nodiscard]] static std::shared_ptr<Checkpoints> in_memory();
    /// In one SQLite file (docs/formats/checkpoints.md), which several processes may use. Errors: corrupt,
    /// permission_denied, io; unsupported (made by a newer Tenon).
    [[nodiscard]] static Result<std::shared_ptr<Checkpoints>> open(const std::filesystem::path& file);

    /// Returns its id. Errors: resource_exhausted (disk full), io.
    [[nodiscard]] virtual Result<std::int64_t> save(Checkpoint checkpoint) = 0;
    /// The newest of a run. Errors: not_found, io.
    [[nodiscard]] virtual Result<Checkpoint> latest(std::string_view run) = 0;
    [[nodiscard]] virtual Result<Checkpoint> load(std::string_view run, std::int64_t id) = 0;
    /// Oldest first, without their states.
    [[nodiscard]] virtual Result<std::vector<Checkpoint>> history(std::string_view run) = 0;
    struct Run {
        std::string name;
        std::int64_t checkpoints = 0, updated_at = 0;
    };
    /// Most recently changed first.
    [[nodiscard]] virtual Result<std::vector<Run>> runs() = 0;
    /// All of a run, or all but its newest `keep`. Returns how many went.
    [[nodiscard]] virtual Result<std::int64_t> erase(std::string_view run, std::size_t keep = 0) = 0;
};

}  // namespace tenon::store
