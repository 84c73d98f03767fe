// SPDX-License-Identifier: Apache-2.0
// The file of one kept answer: a head with its lengths and a checksum, the key, the head of the answer
// as text, its body. Written beside its place and moved there when it is whole, so that what a crash
// leaves behind is either a whole file or one that nobody looks at.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/cache/freshness.hpp"
#include "runtime/cache/recent_files.hpp"
#include "runtime/net/buffer.hpp"

namespace weir::cache {

// What is known of a kept answer beside its text. Lies on disk like this.
struct Facts {
    std::int64_t until = 0;              // unix seconds: fresh so long
    std::int64_t stale_updating = 0, stale_on_error = 0;
    std::int64_t kept_at = 0;            // unix ms: when the server gave it, or said that it holds
    std::int64_t modified = -1;          // unix seconds of Last-Modified; -1: none
    Digest variant{};                    // whom it is for, where it varies
};

// A file that is open for reading.
class KeptFile {
public:
    KeptFile() = default;
    ~KeptFile() { close(); }
    KeptFile(KeptFile&& other) noexcept { swap(other); }
    KeptFile& operator=(KeptFile&& other) noexcept {
        swap(other);
        return *this;
    }

    enum class Opened : std::uint8_t { yes, missing, damaged, of_other_key, would_wait };
    // `path` ends in a NUL. Problems other than a missing file leave their reason in problem(). With `recent`
    // the file may be one of these, and nothing waits for the disk: would_wait tells so where the kernel can.
    Opened open(std::string_view path, std::string_view key, RecentFiles* recent = nullptr);
    // Whatever its key is.
    Opened open(std::string_view path, RecentFiles* recent = nullptr);
    // Takes the memory for open(): in the thread that will give it back.
    void prepare() { buffer_.acquire(); }
    void close();
    [[nodiscard]] bool is_open() const { return fd_ >= 0 || mapped_ || is_recent_; }
    [[nodiscard]] const char* problem() const { return problem_; }
    [[nodiscard]] int error() const { return error_; }   // errno, or 0

    Facts facts;
    // Views into this object.
    [[nodiscard]] std::string_view key() const { return key_; }
    [[nodiscard]] std::string_view vary() const { return vary_; }
    [[nodiscard]] std::string_view etag() const { return etag_; }
    [[nodiscard]] std::string_view head() const { return head_; }   // as HTTP/1 has it
    [[nodiscard]] std::uint64_t body_offset() const { return body_offset_; }
    [[nodiscard]] std::uint64_t body_length() const { return body_length_; }
    [[nodiscard]] std::uint64_t size() const { return body_offset_ + body_length_; }
    // What of the body was read along with the rest: all of a short one.
    [[nodiscard]] std::string_view begin_of_body() const;
    // Reading it never takes a disk.
    [[nodiscard]] bool lies_in_memory() const { return lies_in_memory_; }
    // The descriptor goes to the caller; what was read stays. -1: it is that of mapped(), or all of the body is
    // in begin_of_body(), out of the memory of files that were opened shortly before.
    int release();
    [[nodiscard]] const std::shared_ptr<const net::MappedFile>& mapped() const { return mapped_; }
    // Changed `facts`, to be written back in place by any thread. A file that was replaced or removed
    // meanwhile is left alone.
    struct Rewrite {
        std::string path;
        std::array<char, 96> head;
        FileIdentity file;
        [[nodiscard]] bool write() const;   // false with errno
    };
    [[nodiscard]] Rewrite rewrite(std::string_view path);

private:
    void swap(KeptFile& other) noexcept;
    Opened refuse(Opened as, const char* problem, int error = 0);
    Opened not_read(const char* problem, int error);
    bool open_recent(RecentFiles& recent, std::string_view path);
    Opened read_texts();
    net::Buffer buffer_;
    std::string_view key_, vary_, etag_, head_;
    std::uint64_t body_offset_ = 0, body_length_ = 0;
    FileIdentity identity_;
    std::shared_ptr<const net::MappedFile> mapped_;
    const char* problem_ = "";
    int fd_ = -1, error_ = 0;
    bool lies_in_memory_ = false, is_recent_ = false;
};

// A file that comes into being. Given up unless it is committed. What touches the disk says so, and may run
// in any thread; memory is given back by the destructor alone.
class NewFile {
public:
    NewFile() = default;
    ~NewFile() { give_up(); }
    NewFile(const NewFile&) = delete;
    NewFile& operator=(const NewFile&) = delete;

    struct Texts {
        std::string_view key, vary, etag, head;
    };
    // `path`, where it will lie, ends in a NUL; `name` of it is what comes behind the folders. Nothing is
    // written yet. `unique` tells temporary files of all writers apart.
    void begin(std::string_view path, std::string_view unique, const Facts& facts, const Texts& texts);
    [[nodiscard]] bool is_open() const { return open_; }
    [[nodiscard]] bool is_on_disk() const { return fd_ >= 0; }
    // Whether so much more can be put() before a flush().
    [[nodiscard]] bool has_room(std::size_t bytes) const { return buffer_.size() + bytes <= most_in_memory; }
    void put(std::string_view bytes);
    // The disk. False with errno: no room, no permission; the file is given up.
    bool flush();
    bool commit();
    void give_up();
    // The disk: takes a committed file away again.
    void remove();
    [[nodiscard]] std::uint64_t body_length() const { return body_length_; }
    [[nodiscard]] std::uint64_t size() const { return body_offset_ + body_length_; }

private:
    static constexpr std::size_t most_in_memory = 65536;
    bool make();
    bool write_buffer();
    bool finish();
    std::string path_, temporary_;
    net::Buffer buffer_;
    std::uint64_t body_offset_ = 0, body_length_ = 0, written_ = 0;
    std::size_t head_bytes_ = 0;
    int fd_ = -1;
    bool open_ = false;
};

// Temporary files end like this.
inline constexpr std::string_view temporary_mark = ".new";

}  // namespace weir::cache
