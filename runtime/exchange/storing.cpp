// SPDX-License-Identifier: Apache-2.0
#include "runtime/exchange/storing.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <string>

#include "runtime/exchange/exchange.hpp"
#include "runtime/exchange/record.hpp"
#include "runtime/http/conditional.hpp"
#include "runtime/log/error_log.hpp"
#include "runtime/route/file_path.hpp"

namespace weir::exchange {

namespace {

// The folders in front of the last part. Who may read files there may enter them (nginx).
bool make_folders(std::string_view path, mode_t access) {
    auto mode = static_cast<mode_t>(access | (access & 0444) >> 2);
    for (auto slash = path.find('/', 1); slash != path.npos; slash = path.find('/', slash + 1)) {
        std::string folder(path.substr(0, slash));
        if (::mkdir(folder.c_str(), mode) != 0 && errno != EEXIST) return false;
    }
    return true;
}

}  // namespace

StoredFile::StoredFile(route::Subject& subject, std::string_view path, std::string_view temporary, mode_t access,
                       std::int64_t modified)
    : subject_(subject), path_(path), temporary_(temporary), access_(access), modified_(modified) {
    if (!open()) fail();
}

bool StoredFile::open() {
    auto attempt = [&] {
        fd_ = ::open(temporary_.data(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, access_);
        return fd_ >= 0;
    };
    if (attempt()) return true;
    return errno == ENOENT && make_folders(path_, access_) && attempt();
}

bool StoredFile::write(std::string_view bytes) {
    while (!bytes.empty()) {
        auto count = ::write(fd_, bytes.data(), bytes.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
}

// What the umask took away comes back; the file is as old as the server says.
bool StoredFile::commit() {
    timespec times[2] = {{0, UTIME_NOW}, {modified_, 0}};
    bool done = ::fchmod(fd_, access_) == 0 && (modified_ < 0 || ::futimens(fd_, times) == 0) &&
                std::rename(temporary_.data(), path_.data()) == 0;
    if (done) ::close(std::exchange(fd_, -1));
    return done;
}

void StoredFile::give_up() {
    if (fd_ < 0) return;
    ::unlink(temporary_.data());
    ::close(std::exchange(fd_, -1));
}

void StoredFile::fail() {
    log_problem(subject_, log::critical,
                log::ErrorLog::with_error(fmt::format("an answer cannot be stored in \"{}\"", path_), errno));
    give_up();
}

bool StoredFile::take_now(const http::Piece& piece) {
    if (fd_ < 0) return true;
    if (piece.state != http::BodyState::ok) give_up();   // half an answer is none
    else if (!write(piece.bytes) || (piece.last && !commit())) fail();
    return true;
}

// Before the answer goes out.
void Exchange::begin_storing() {
    const auto& forwarding = *route_->forwarding;
    if (!forwarding.source->store || request_.method == http::Method::head || server_->response.status != 200) return;
    auto path = route::with_nul({forwarding.store.render(subject_)}, arena_);
    if (path.empty() || path.ends_with('/')) return;
    char unique[64];
    auto end = fmt::format_to_n(unique, sizeof unique, ".{:x}.{:x}.{:x}", worker_.index, worker_.loop.wall_ms(),
                                subject_.serial);
    const auto* modified = server_->response.fields.find(http::FieldId::last_modified);
    storing_.reset(new (arena_.allocate(sizeof(StoringBody), alignof(StoringBody)))
                       StoringBody(server_->body(), subject_, path,
                                   route::with_nul({path, {unique, end.size}}, arena_),
                                   static_cast<mode_t>(forwarding.source->store_access),
                                   modified ? http::parse_date(modified->value) : -1));
}

void Exchange::Destroy::operator()(StoringBody* body) const { std::destroy_at(body); }

}  // namespace weir::exchange
