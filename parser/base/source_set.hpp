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
#include <set>
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

// What tells one content of a file from the next without reading it: another file came in its place, or
// this one was written to.
struct FileStamp {
    std::uint64_t device = 0, inode = 0;   // 0: not known, or no file that can be told by such facts
    std::int64_t modified = 0;             // seconds since 1970
    std::int64_t modified_ns = 0;          // behind `modified`
    std::int64_t changed = 0;              // nanoseconds since 1970: content or owner, rights, name
    std::uint64_t size = 0;                // bytes
    bool operator==(const FileStamp&) const = default;
    [[nodiscard]] bool known() const { return inode != 0; }
    // What nginx goes by (ssl_object_cache_inheritable): who sets the time back hides a change.
    [[nodiscard]] bool same_by_time(const FileStamp& other) const {
        return device == other.device && inode == other.inode && modified == other.modified;
    }
};

// How a file is told to be the one that was read before; null: it never is.
using SameFile = bool (*)(const FileStamp& before, const FileStamp& now);
inline bool same_by_time(const FileStamp& before, const FileStamp& now) { return before.same_by_time(now); }
inline bool same_by_stamp(const FileStamp& before, const FileStamp& now) { return before == now; }

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
    // Unknown for what is there and no plain file; an error where read() would find nothing, either.
    virtual Expected<FileStamp, SourceError> stamp(const std::string&) { return FileStamp{}; }
};

// A change that somebody asks for while the configuration runs (HAProxy's runtime socket). It goes over
// what the files say until they are read again.
struct Amendment {
    enum class Kind : std::uint8_t {
        // A file has these bytes now, and is there if it was not. What it is kept as beside that: a
        // stored one is there although no line names it yet.
        file,
        certificate,
        authorities,
        revocations,
        forget,      // a stored file: as if it had never been there
        server,      // bytes: what follows the name on a server line of that section
        no_server,   // that one is gone
        place,       // bytes: "addr 192.0.2.1", or another word of a ServerPlace: over what its line says
        last_,
    } kind = Kind::file;
    std::string name;   // path, or "section/server"
    std::string bytes;
    FileStamp stamp{};  // where these are the bytes of a file on disk
};
// Where a server is instead of where its line says, by the words of HAProxy's set server: addr, port,
// check-addr, check-port.
using ServerPlace = std::map<std::string, std::string, std::less<>>;
std::string serialize(const std::vector<Amendment>& changes);
std::optional<std::vector<Amendment>> read_amendments(std::string_view bytes);

// Contents of files that somebody read before, by path. Lives as long as the sets that know of it.
struct FormerFile {
    FileStamp stamp;
    std::string_view bytes;
};
using FormerFiles = std::map<std::string, FormerFile, std::less<>>;

class SourceSet {
public:
    SourceSet() = default;
    explicit SourceSet(World& world) : world_(&world) {}

    Expected<std::string_view, SourceError> read(const std::string& path, Purpose purpose);
    // The same, but a file that is still the one that use_former() knows is not read again.
    Expected<std::string_view, SourceError> read_if_changed(const std::string& path, Purpose purpose, SameFile same);
    void use_former(const FormerFiles& files) { former_ = &files; }
    // Of a file that read_if_changed() was asked for, when it was read; else empty.
    [[nodiscard]] FileStamp stamp_of(const std::string& path) const;
    Expected<std::vector<std::string>, SourceError> glob(const std::string& pattern);
    Expected<std::vector<std::string>, SourceError> list(const std::string& folder);
    Expected<std::vector<IpAddress>, SourceError> resolve(const std::string& host);
    std::optional<std::string> environment(const std::string& name);
    // Puts a file in by hand (built-in configurations, tests, text from the command line).
    void put(std::string path, std::string bytes);

    // What was changed at run time. A file so changed cannot be read as configuration: who may bring
    // a certificate may not write directives.
    void amend(const Amendment& change);
    [[nodiscard]] bool changed(const std::string& path) const { return changed_.contains(path); }
    [[nodiscard]] std::uint64_t changes() const { return changes_; }   // of files, so far
    // The stored files, and the servers in the order of their changes, each named once.
    [[nodiscard]] const std::map<std::string, Amendment::Kind>& stored() const { return stored_; }
    [[nodiscard]] const std::vector<Amendment>& servers() const { return servers_; }
    // Of "section/server", whose line says `says`. Null: where that says. A line that says something
    // else than at first ends it.
    const ServerPlace* place_of(const std::string& server, std::string_view says);
    [[nodiscard]] bool has_places() const { return !places_.empty(); }
    // Files are read anew, and servers stay where `former` has them.
    void keep_places(SourceSet& former) { places_ = std::move(former.places_); }

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
    const FormerFiles* former_ = nullptr;
    std::map<std::string, FileStamp> stamps_;
    Answers<std::string> files_;
    Answers<std::vector<std::string>> globs_;
    Answers<std::vector<std::string>> folders_;
    Answers<std::vector<IpAddress>> names_;
    std::map<std::string, std::optional<std::string>> environment_;
    std::set<std::string> changed_;   // files
    std::map<std::string, Amendment::Kind> stored_;
    std::vector<Amendment> servers_;
    struct Place {
        ServerPlace words;
        std::optional<std::string> said;   // by the line, when it was changed first
    };
    std::map<std::string, Place> places_;
    std::uint64_t changes_ = 0;
};

// The real machine: files, glob(3), getaddrinfo(3), getenv(3).
class LiveWorld : public World {
public:
    Expected<std::string, SourceError> read(const std::string& path, Purpose purpose) override;
    Expected<std::vector<std::string>, SourceError> glob(const std::string& pattern) override;
    Expected<std::vector<std::string>, SourceError> list(const std::string& folder) override;
    Expected<std::vector<IpAddress>, SourceError> resolve(const std::string& host) override;
    std::optional<std::string> environment(const std::string& name) override;
    Expected<FileStamp, SourceError> stamp(const std::string& path) override;
};

// --offline: reads configuration files and nothing else. Other files and names answer "left out",
// which the front-ends take for "there, content unknown".
class OfflineWorld : public LiveWorld {
public:
    Expected<std::string, SourceError> read(const std::string& path, Purpose purpose) override;
    Expected<std::vector<IpAddress>, SourceError> resolve(const std::string& host) override;
    Expected<FileStamp, SourceError> stamp(const std::string&) override { return FileStamp{}; }
};

}  // namespace weir
