// SPDX-License-Identifier: Apache-2.0
// Bodies through filters: a source of pieces in memory, no connection.
#include "runtime/filter/filtered_body.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "runtime/http/bytes_body.hpp"
#include "runtime/http/temp_file.hpp"

namespace weir::filter {
namespace {

class Pieces final : public http::BodySource {
public:
    explicit Pieces(std::vector<std::string> pieces) : pieces_(std::move(pieces)) {}
    bool ready(http::Piece& piece) override {
        piece = {};
        if (at_ < pieces_.size()) piece.bytes = pieces_[at_++];
        piece.last = ended();
        received_ += piece.bytes.size();
        return true;
    }
    net::Task<http::Piece> next(net::Time, net::Watch*) override {
        http::Piece piece;
        ready(piece);
        co_return piece;
    }
    [[nodiscard]] bool ended() const override { return at_ == pieces_.size(); }
    [[nodiscard]] std::uint64_t received() const override { return received_; }

private:
    std::vector<std::string> pieces_;
    std::size_t at_ = 0;
    std::uint64_t received_ = 0;
};

struct Upper final : Filter {
    void on_reply_body(route::Subject&, State*, Passing& piece) override {
        made.clear();
        for (char c : piece.bytes) made += c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
        piece.bytes = made;
    }
    void on_body_end(State*) override { ++ended; }
    int ended = 0;
    std::string made;
};

// Gives whole words only; the rest waits in the state of the reply.
struct Words final : Filter {
    struct Kept : State {
        std::string rest, out;
    };
    void on_reply_body(route::Subject&, State* state, Passing& piece) override {
        auto& kept = *static_cast<Kept*>(state);
        kept.rest += piece.bytes;
        auto end = piece.last || piece.flush ? kept.rest.size() : kept.rest.rfind(' ') + 1;
        kept.out = kept.rest.substr(0, end);
        kept.rest.erase(0, end);
        piece.bytes = kept.out;
    }
};

std::string drain(FilteredBody& body) {
    std::string all;
    for (http::Piece piece; body.ready(piece);) {
        EXPECT_TRUE(!piece.bytes.empty() || piece.last);
        all += piece.bytes;
        all += piece.last ? "$" : "|";
        if (piece.last) break;
    }
    return all;
}

TEST(FilteredBody, PassesEachPieceThroughTheFilters) {
    route::Subject subject;
    Upper upper;
    Hold holds[] = {{&upper, nullptr}};
    Pieces pieces({"one ", "two"});
    FilteredBody body(subject, Way::reply, holds, pieces);
    EXPECT_FALSE(body.ended());
    EXPECT_EQ(drain(body), "ONE |TWO$");
    EXPECT_TRUE(body.ended());
    EXPECT_EQ(body.received(), 7u);
}

TEST(FilteredBody, WhatIsHeldBackComesWithTheEnd) {
    route::Subject subject;
    Words words;
    Words::Kept first, second;
    Upper upper;
    Hold holds[] = {{&words, &first}, {&upper, nullptr}};
    Pieces pieces({"on", "e tw", "o"});
    FilteredBody body(subject, Way::reply, holds, pieces);
    EXPECT_EQ(drain(body), "ONE |TWO$");
    Hold alone[] = {{&words, &second}};
    http::BytesBody bytes("a b c");
    FilteredBody whole(subject, Way::reply, alone, bytes);
    EXPECT_EQ(drain(whole), "a b c$");
}

// Gives each byte twice, one at a time: more than went in, and more than goes out at once.
struct Twice final : Filter {
    struct Left : State {
        std::string bytes;
    };
    void on_reply_body(route::Subject&, State* state, Passing& piece) override {
        auto& left = *static_cast<Left*>(state);
        for (char c : piece.bytes) left.bytes += {c, c};
        made = left.bytes.substr(0, 1);
        left.bytes.erase(0, 1);
        piece.bytes = made;
        piece.more = !left.bytes.empty();
    }
    std::string made;
};

TEST(FilteredBody, AFilterMayGiveMoreThanItTook) {
    route::Subject subject;
    Twice twice;
    Twice::Left first, second;
    Words words;
    Words::Kept kept;
    Hold holds[] = {{&twice, &first}, {&twice, &second}, {&words, &kept}};
    Pieces pieces({"a ", "b"});
    FilteredBody body(subject, Way::reply, holds, pieces);
    EXPECT_EQ(drain(body), "aaaa | | | |bbbb$");
}

struct Broken final : Filter {
    void on_reply_body(route::Subject&, State*, Passing& piece) override { piece.failed = true; }
};

TEST(FilteredBody, ABrokenBodyEndsThere) {
    route::Subject subject;
    Upper upper;
    Broken broken;
    Hold holds[] = {{&broken, nullptr}, {&upper, nullptr}};
    {
        Pieces pieces({"a"});
        FilteredBody body(subject, Way::reply, holds, pieces);
        http::Piece piece;
        EXPECT_TRUE(body.ready(piece));
        EXPECT_EQ(piece.state, http::BodyState::malformed);
    }
    EXPECT_EQ(upper.ended, 1);   // whatever came before, each is told once
}

// Has to be waited for every other time.
class SlowSink final : public http::BodySink {
public:
    bool write_now(std::string_view bytes, bool last, net::WriteAll&) override {
        waiting_ = bytes;
        last_ = last;
        slow_ = !slow_;
        if (!slow_) take();
        return !slow_;
    }
    net::Task<net::WriteAll> write_rest(net::Time, net::WriteAll so_far) override {
        take();
        co_return so_far;
    }
    std::string all;

private:
    void take() {
        all += waiting_;
        if (last_) all += '$';
    }
    std::string_view waiting_;
    bool last_ = false, slow_ = false;
};

net::Detached write(http::BodySink& sink, std::string_view bytes, bool last, int& written) {
    auto result = co_await sink.write(bytes, last, net::never);
    if (result.state == net::Io::State::ok) ++written;
}

TEST(FilteredSink, WritesWhatFiltersMake) {
    route::Subject subject;
    Twice twice;
    Twice::Left left;
    Hold holds[] = {{&twice, &left}};
    SlowSink sink;
    FilteredSink body(subject, holds, sink);
    int written = 0;
    write(body, "ab", false, written);
    write(body, "", false, written);
    write(body, "c", true, written);
    EXPECT_EQ(written, 3);
    EXPECT_EQ(sink.all, "aabbcc$");
}

TEST(FilteredBody, EndsThoughNothingIsLeft) {
    route::Subject subject;
    Upper upper;
    Hold holds[] = {{&upper, nullptr}};
    Pieces pieces({});
    FilteredBody body(subject, Way::reply, holds, pieces);
    EXPECT_EQ(drain(body), "$");
}

TEST(TempFile, GivesBackWhatWasPutIn) {
    http::TempFile file;
    std::string bytes(150000, 'x');
    bytes[70000] = 'y';
    ASSERT_TRUE(file.append(bytes.substr(0, 100000), ""));
    ASSERT_TRUE(file.append(bytes.substr(100000), ""));
    EXPECT_EQ(file.size(), bytes.size());
    for (int times = 0; times < 2; ++times) {
        http::FileBody body(file);
        std::string all;
        http::Piece piece;
        while (!piece.last && body.ready(piece) && piece.state == http::BodyState::ok) all += piece.bytes;
        EXPECT_EQ(all, bytes);
        EXPECT_TRUE(body.ended());
    }
}

TEST(TempFile, SaysWhyItCannotBe) {
    http::TempFile file;
    EXPECT_FALSE(file.append("x", "/dev/null/no"));
    EXPECT_EQ(file.size(), 0u);
    EXPECT_TRUE(file.path().empty() || file.path().starts_with("/dev/null/no/"));
}

TEST(TempFile, StaysAsLongAsItIsToldTo) {
    std::string with_me, kept;
    {
        http::TempFile nameless, mine, left;
        mine.stay(http::TempFile::Stay::with_me);
        left.stay(http::TempFile::Stay::for_good);
        ASSERT_TRUE(nameless.append("x", "") && mine.append("x", "") && left.append("", ""));
        EXPECT_NE(::access(nameless.path().c_str(), F_OK), 0);
        with_me = mine.path();
        kept = left.path();   // an empty one is there, too
        EXPECT_EQ(::access(with_me.c_str(), F_OK), 0);
    }
    EXPECT_NE(::access(with_me.c_str(), F_OK), 0);
    EXPECT_EQ(::unlink(kept.c_str()), 0);
}

}  // namespace
}  // namespace weir::filter
