// SPDX-License-Identifier: Apache-2.0
// FileParts: a body made of an open file, or of parts of it with text in between (multipart/byteranges).
// Read in bounded pieces; plain connections get the bytes by sendfile(), or out of a mapping. What is not in
// memory may be left to threads (read_by), so that a slow disk keeps nobody else waiting.
#pragma once

#include <sys/types.h>

#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "runtime/http/body.hpp"
#include "runtime/http/conditional.hpp"
#include "runtime/net/buffer.hpp"
#include "runtime/net/disk.hpp"
#include "runtime/net/mapped_file.hpp"

namespace weir::http {

// Text, or (empty) `length` bytes of the file from `offset` on.
struct FilePart {
    std::string_view text;
    std::uint64_t offset = 0, length = 0;
};

class FileParts final : public BodySource {
public:
    // Takes the descriptor. The body is the whole file behind `from`, as long as `size` says.
    FileParts(int fd, std::uint64_t size, std::uint64_t from = 0)
        : fd_(fd), from_(from), length_(size), whole_{{}, from, size} {}
    ~FileParts() override;
    FileParts(const FileParts&) = delete;
    FileParts& operator=(const FileParts&) = delete;

    // What of the body, from its first byte on, is in memory as long as this lives: all of it, some, nothing.
    void in_memory(std::string_view begin) { memory_ = begin; }
    void read_by(net::Disk& disk) { disk_ = &disk; }
    // In place of a descriptor of its own: the whole file, mapped.
    void share(std::shared_ptr<const net::MappedFile> file) { mapped_ = std::move(file); }

    // The body becomes these ranges of it. More than one: with heads between them, for
    // multipart/byteranges; `type` is that of each part. Returns what goes into the head:
    struct Ranged {
        std::string_view content_type;    // empty: as it was
        std::string_view content_range;   // of one range
    };
    Ranged take_ranges(std::span<const ByteRange> ranges, std::string_view type, Arena& arena);
    [[nodiscard]] std::uint64_t length() const { return length_; }

    bool ready(Piece& piece) override;
    net::Task<Piece> next(net::Time timeout, net::Watch* abort_when) override;
    [[nodiscard]] bool ended() const override { return sent_ == length_; }
    [[nodiscard]] std::uint64_t received() const override { return sent_; }
    [[nodiscard]] InFile in_file() const override;
    [[nodiscard]] bool goes_on_in_file() const override {
        const auto* now = part();
        return now && now->text.empty() && remembered(*now).empty();
    }
    [[nodiscard]] bool goes_on_mapped() const override { return mapped_ && goes_on_in_file(); }
    void spliced(std::uint64_t bytes) override;

private:
    [[nodiscard]] int fd() const { return mapped_ ? mapped_->fd() : fd_; }
    [[nodiscard]] const FilePart* part() const {
        return at_ < count_ ? (parts_ ? &parts_[at_] : &whole_) : nullptr;
    }
    void advance(std::uint64_t bytes);
    // The next bytes of this part that are in memory.
    [[nodiscard]] std::string_view remembered(const FilePart& part) const {
        const auto at = part.offset - from_ + done_;
        return at < memory_.size() ? memory_.substr(at, part.length - done_) : std::string_view();
    }
    std::uint64_t make_room(const FilePart& part);
    [[nodiscard]] bool is_cached(std::uint64_t offset) const;
    Piece take_read(ssize_t got, int error);

    int fd_;
    std::shared_ptr<const net::MappedFile> mapped_;
    std::uint64_t from_, length_;
    std::uint64_t sent_ = 0;
    FilePart whole_;
    const FilePart* parts_ = nullptr;
    std::size_t count_ = 1, at_ = 0;
    std::uint64_t done_ = 0;      // of the current part
    net::Buffer buffer_;
    std::string_view memory_;
    net::Disk* disk_ = nullptr;
};

// Lets the kernel send the bytes that `from` says lie in a file. Ends at a part that does not, at the
// end, or with an error.
net::Task<RelayResult> send_file(BodySource& from, BodySink& to, RelayLimits limits);

}  // namespace weir::http
