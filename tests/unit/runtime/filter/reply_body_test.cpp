// SPDX-License-Identifier: Apache-2.0
// Bodies through filters: a source of pieces in memory, no connection.
#include "runtime/filter/reply_body.hpp"

#include <gtest/gtest.h>

#include <string>

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
    std::string_view on_reply_body(route::Subject&, State*, std::string_view bytes, bool) override {
        made.clear();
        for (char c : bytes) made += c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
        return made;
    }
    std::string made;
};

// Gives whole words only; the rest waits in the state of the reply.
struct Words final : Filter {
    struct Kept : State {
        std::string rest, out;
    };
    std::string_view on_reply_body(route::Subject&, State* state, std::string_view bytes, bool last) override {
        auto& kept = *static_cast<Kept*>(state);
        kept.rest += bytes;
        auto end = last ? kept.rest.size() : kept.rest.rfind(' ') + 1;
        kept.out = kept.rest.substr(0, end);
        kept.rest.erase(0, end);
        return kept.out;
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
    FilteredBody body(subject, holds, &pieces);
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
    FilteredBody body(subject, holds, &pieces);
    EXPECT_EQ(drain(body), "ONE |TWO$");
    Hold alone[] = {{&words, &second}};
    FilteredBody whole(subject, alone, nullptr);
    EXPECT_EQ(whole.whole("a b c"), "a b c");
}

TEST(FilteredBody, EndsThoughNothingIsLeft) {
    route::Subject subject;
    Upper upper;
    Hold holds[] = {{&upper, nullptr}};
    Pieces pieces({});
    FilteredBody body(subject, holds, &pieces);
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
    EXPECT_TRUE(file.append("", "/dev/null/no"));   // nothing to keep
}

}  // namespace
}  // namespace weir::filter
