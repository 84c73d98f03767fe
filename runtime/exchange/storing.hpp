// SPDX-License-Identifier: Apache-2.0
// proxy_store: an answer that becomes a file while it passes. The file is written beside its place and
// appears there whole, or not at all. A disk that fails costs the file, never the answer.
#pragma once

#include <sys/types.h>

#include <string_view>

#include "runtime/exchange/tee_body.hpp"
#include "runtime/route/context.hpp"

namespace weir::exchange {

class StoredFile {
public:
    // `path` and `temporary` end in a NUL behind their last byte and outlive it. `modified`: unix seconds,
    // or -1: now. Folders that are missing are made.
    StoredFile(route::Subject& subject, std::string_view path, std::string_view temporary, mode_t access,
               std::int64_t modified);
    ~StoredFile() { give_up(); }
    StoredFile(const StoredFile&) = delete;
    StoredFile& operator=(const StoredFile&) = delete;

    bool take_now(const http::Piece& piece);   // true: it never has to wait
    [[nodiscard]] bool wants_more() const { return fd_ >= 0; }

private:
    bool open();
    bool write(std::string_view bytes);
    bool commit();
    void give_up();
    void fail();

    route::Subject& subject_;
    std::string_view path_, temporary_;
    mode_t access_;
    std::int64_t modified_;
    int fd_ = -1;
};
using StoringBody = TeeBody<StoredFile>;

}  // namespace weir::exchange
