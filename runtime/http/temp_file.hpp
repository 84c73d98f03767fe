// SPDX-License-Identifier: Apache-2.0
// TempFile: what of a body does not fit in memory, in a file whose name goes at once unless somebody
// is to find it. Writes and reads go through the page cache; nobody waits for a disk here.
#pragma once

#include <string>

#include "runtime/http/body.hpp"
#include "runtime/net/buffer.hpp"

namespace weir::http {

class TempFile {
public:
    TempFile() = default;
    ~TempFile();
    TempFile(const TempFile&) = delete;
    TempFile& operator=(const TempFile&) = delete;

    // How long others find it by its path.
    enum class Stay : std::uint8_t { nameless, with_me, for_good };
    void stay(Stay how) { stay_ = how; }   // before the first append()
    // Its name, also when that is gone; empty before the first append().
    [[nodiscard]] const std::string& path() const { return path_; }
    // Appends; the file is made with the first call, in `folder` (empty: the system's place for such
    // files). False with errno: no room, no permission.
    bool append(std::string_view bytes, const std::string& folder);
    [[nodiscard]] std::uint64_t size() const { return size_; }
    [[nodiscard]] int fd() const { return fd_; }

private:
    bool open(const std::string& folder);
    int fd_ = -1;
    std::uint64_t size_ = 0;
    Stay stay_ = Stay::nameless;
    std::string path_;
};

// The bytes of a TempFile from its start; any number of sources may read one file.
class FileBody final : public BodySource {
public:
    explicit FileBody(const TempFile& file) : file_(file) {}
    bool ready(Piece& piece) override;
    net::Task<Piece> next(net::Time timeout, net::Watch* abort_when) override;
    [[nodiscard]] bool ended() const override { return read_ == file_.size(); }
    [[nodiscard]] std::uint64_t received() const override { return read_; }

private:
    const TempFile& file_;
    net::Buffer buffer_;
    std::uint64_t read_ = 0;
};

}  // namespace weir::http
