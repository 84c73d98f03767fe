// SPDX-License-Identifier: Apache-2.0
// How one exchange uses a cache. cached.cpp looks for an answer and serves it, saving.cpp keeps the
// answer of a server while it passes.
#pragma once

#include <memory>
#include <utility>

#include "runtime/cache/file.hpp"
#include "runtime/cache/jobs.hpp"
#include "runtime/cache/store.hpp"
#include "runtime/exchange/tee_body.hpp"
#include "runtime/forward/forward.hpp"
#include "runtime/http/body.hpp"
#include "runtime/http/conditional.hpp"
#include "runtime/plan/plan.hpp"

namespace weir::exchange {

// Lives in the arena of the exchange.
struct CacheUse {
    CacheUse(const plan::Cache& of, cache::Store& in, net::Loop& at, net::Disk& by)
        : conf(of), store(in), loop(at), disk(by) {}
    ~CacheUse() { give_up(); }
    CacheUse(const CacheUse&) = delete;
    CacheUse& operator=(const CacheUse&) = delete;

    const plan::Cache& conf;
    cache::Store& store;
    net::Loop& loop;
    net::Disk& disk;
    std::string_view key;
    cache::Digest main{};              // of the key
    cache::Digest digest{};            // where its answer lies: main, or that of a variant
    std::string_view main_vary;        // what the answer at `main` varies by
    cache::Store::Seen seen;           // of `digest`
    bool of_variant = false;           // `digest` is that of a variant
    cache::KeptFile file;              // what is kept, fresh or not
    http::ResponseHead head;           // of it
    std::unique_ptr<cache::SaveJob> saved;   // the file that is being written
    cache::Lifetime lifetime;          // of what is saved
    forward::CacheTerms terms;
    bool keeps = true;                 // the answer is to be kept as far as the request is concerned
    bool answers = false;              // conditions and ranges, in the server's place
    bool expired = false;              // there is a file, and it is no longer fresh
    bool claimed = false;              // this exchange asks for all who want the answer
    cache::Digest claim{};

    [[nodiscard]] std::int64_t unix_now() const { return loop.wall_ms() / 1000; }
    void release() {
        if (std::exchange(claimed, false)) store.release(claim, loop.now());
    }
    // Of what is being written nothing stays.
    void give_up() {
        if (saved && saved->file.is_on_disk()) {
            saved->step = cache::SaveJob::Step::give_up;
            disk.leave(std::move(saved));
        }
        saved.reset();
        release();
    }
    // A failure or a status with which an expired answer is better than none.
    [[nodiscard]] bool may_use_stale(forward::Failure failure) const;
    [[nodiscard]] bool may_use_stale(std::uint16_t status) const;
    // While somebody asks for a new one.
    [[nodiscard]] bool may_use_stale_meanwhile() const;
    // How long an answer with this status holds that says nothing itself: seconds; 0 = not at all.
    [[nodiscard]] std::int64_t time_of_status(std::uint16_t status) const;
};

// The head of an answer as it is kept, and such a text read again: its views are the text's.
std::string_view kept_head(const http::ResponseHead& response, Arena& arena, bool with_age = true);
bool read_kept_head(std::string_view text, Arena& arena, http::ResponseHead& head);

// Writes a body into the file while it passes. When the file fails, or the disk takes too long, the body
// goes on.
class SavedAnswer {
public:
    SavedAnswer(CacheUse& use, route::Subject& subject) : use_(use), subject_(subject) {}
    bool take_now(const http::Piece& piece);
    net::Task<void> take(const http::Piece& piece);
    [[nodiscard]] bool wants_more() const { return use_.saved != nullptr; }

private:
    net::Task<bool> work(cache::SaveJob::Step step);
    CacheUse& use_;
    route::Subject& subject_;
};
using SavingBody = TeeBody<SavedAnswer>;

// One range of a body. Ends with it; what lies behind is for others to read.
class CutBody final : public http::BodySource {
public:
    CutBody(http::BodySource& inner, http::ByteRange range)
        : inner_(inner), skip_(range.first), left_(range.size()) {}
    bool ready(http::Piece& piece) override;
    net::Task<http::Piece> next(net::Time timeout, net::Watch* abort_when) override;
    [[nodiscard]] bool ended() const override { return left_ == 0; }
    [[nodiscard]] std::uint64_t left() const override { return left_; }
    [[nodiscard]] std::uint64_t received() const override { return given_; }

private:
    void cut(http::Piece& piece);
    http::BodySource& inner_;
    std::uint64_t skip_, left_, given_ = 0;
};

}  // namespace weir::exchange
