// SPDX-License-Identifier: Apache-2.0
// SourceSet: every byte and every fact of the outside world that a configuration needs.
//
// The master gives the set a World: what is asked for is then read once and recorded. A worker gets
// the recorded set without a World: what is not in it does not exist. So the master's test, the
// fuzzer and the worker run one and the same pure function over the set (design section 4).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parser/base/expected.hpp"

namespace weir {

// An IPv4 or IPv6 address, 16 bytes in network order; IPv4 uses the first four.
struct IpAddress {
    enum class Family : std::uint8_t { none, v4, v6 } family = Family::none;
    unsigned char bytes[16] = {};
    bool operator==(const IpAddress&) const = default;
};

// What a file is wanted for: --offline leaves out everything but the configuration itself.
enum class Purpose : std::uint8_t { configuration, content, secret };

struct SourceError {
    int code = 0;       // errno; 0 when left out by --offline
    std::string text;   // "No such file or directory"
    [[nodiscard]] bool left_out() const { return code == 0; }
};

// The only door to the outside. Implementations: LiveWorld (world.cpp), OfflineWorld, test doubles.
class World {
public:
    virtual ~World() = default;
    virtual Expected<std::string, SourceError> read(const std::string& path, Purpose purpose) = 0;
    // Paths that match, sorted. A pattern without wildcards must exist; with them it may match none.
    virtual Expected<std::vector<std::string>, SourceError> glob(const std::string& pattern) = 0;
    // The *.cfg files of a folder, sorted; an error when it is no folder.
    virtual Expected<std::vector<std::string>, SourceError> list(const std::string& folder) = 0;
    virtual Expected<std::vector<IpAddress>, SourceError> resolve(const std::string& host) = 0;
    virtual std::optional<std::string> environment(const std::string& name) = 0;
};

class SourceSet {
public:
    SourceSet() = default;
    explicit SourceSet(World& world) : world_(&world) {}

    Expected<std::string_view, SourceError> read(const std::string& path, Purpose purpose);
    Expected<std::vector<std::string>, SourceError> glob(const std::string& pattern);
    Expected<std::vector<std::string>, SourceError> list(const std::string& folder);
    Expected<std::vector<IpAddress>, SourceError> resolve(const std::string& host);
    std::optional<std::string> environment(const std::string& name);
    // Puts a file in by hand (built-in configurations, tests, text from the command line).
    void put(std::string path, std::string bytes);

    // From now on only what was recorded exists.
    void freeze() { world_ = nullptr; }
    [[nodiscard]] std::string serialize() const;
    static std::optional<SourceSet> deserialize(std::string_view bytes);

private:
    template <class T>
    struct Answer {
        std::optional<T> value;
        SourceError error;
    };
    template <class T>
    using Answers = std::map<std::string, Answer<T>, std::less<>>;
    template <class T, class Ask>
    Expected<T, SourceError> recall(Answers<T>& known, const std::string& key, Ask&& ask);

    World* world_ = nullptr;
    Answers<std::string> files_;
    Answers<std::vector<std::string>> globs_;
    Answers<std::vector<std::string>> folders_;
    Answers<std::vector<IpAddress>> names_;
    std::map<std::string, std::optional<std::string>> environment_;
};

// The real machine: files, glob(3), getaddrinfo(3), getenv(3).
class LiveWorld : public World {
public:
    Expected<std::string, SourceError> read(const std::string& path, Purpose purpose) override;
    Expected<std::vector<std::string>, SourceError> glob(const std::string& pattern) override;
    Expected<std::vector<std::string>, SourceError> list(const std::string& folder) override;
    Expected<std::vector<IpAddress>, SourceError> resolve(const std::string& host) override;
    std::optional<std::string> environment(const std::string& name) override;
};

// --offline: reads configuration files and nothing else. Other files and names answer "left out",
// which the front-ends take for "there, content unknown".
class OfflineWorld : public LiveWorld {
public:
    Expected<std::string, SourceError> read(const std::string& path, Purpose purpose) override;
    Expected<std::vector<IpAddress>, SourceError> resolve(const std::string& host) override;
};

}  // namespace weir
