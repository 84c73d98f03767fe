// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/file_parts.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>
#include <string>

#include "runtime/http/h1_body.hpp"

namespace weir::http {
namespace {

int file_of(const std::string& content) {
    char name[] = "/tmp/weir-parts-XXXXXX";
    int fd = ::mkstemp(name);
    ::unlink(name);
    EXPECT_EQ(::write(fd, content.data(), content.size()), static_cast<ssize_t>(content.size()));
    return fd;
}

std::string all_of(FileParts& body) {
    std::string out;
    Piece piece;
    do {
        EXPECT_TRUE(body.ready(piece));
        EXPECT_EQ(piece.state, BodyState::ok);
        out += piece.bytes;
    } while (!piece.last && piece.state == BodyState::ok);
    return out;
}

TEST(FileParts, AWholeFileInBoundedPieces) {
    std::string content;
    for (int i = 0; i < 9000; ++i) content += std::to_string(i) + "\n";
    FileParts body(file_of(content), content.size());
    Piece piece;
    ASSERT_TRUE(body.ready(piece));
    EXPECT_LE(piece.bytes.size(), net::Buffer::standard);
    std::string out(piece.bytes);
    EXPECT_EQ(out + all_of(body), content);
    EXPECT_TRUE(body.ended());
}

TEST(FileParts, AnEmptyFileHasAnEnd) {
    FileParts body(file_of(""), 0);
    Piece piece;
    ASSERT_TRUE(body.ready(piece));
    EXPECT_TRUE(piece.last);
    EXPECT_TRUE(piece.bytes.empty());
}

TEST(FileParts, OneRange) {
    Arena arena;
    FileParts body(file_of("abcdefghij"), 10);
    ByteRange range{2, 5};
    auto told = body.take_ranges({&range, 1}, "text/plain", arena);
    EXPECT_EQ(told.content_range, "bytes 2-4/10");
    EXPECT_TRUE(told.content_type.empty());
    EXPECT_EQ(body.length(), 3u);
    EXPECT_EQ(body.in_file().offset, 2u);
    EXPECT_EQ(all_of(body), "cde");
}

TEST(FileParts, SeveralRanges) {
    Arena arena;
    FileParts body(file_of("abcdefghij"), 10);
    const ByteRange list[] = {{0, 2}, {8, 10}};
    auto told = body.take_ranges(list, "text/plain", arena);
    ASSERT_TRUE(told.content_type.starts_with("multipart/byteranges; boundary="));
    std::string mark(told.content_type.substr(31));
    EXPECT_EQ(body.in_file().length, 0u);   // text comes first
    auto length = body.length();
    auto text = all_of(body);
    EXPECT_EQ(text, "\r\n--" + mark + "\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/10\r\n\r\nab\r\n--" +
                        mark + "\r\nContent-Type: text/plain\r\nContent-Range: bytes 8-9/10\r\n\r\nij\r\n--" + mark +
                        "--\r\n");
    EXPECT_EQ(text.size(), length);
}

// Somebody cuts the file while it is sent: the reader stops, and says why.
TEST(FileParts, ATruncatedFile) {
    int fd = file_of(std::string(50000, 'x'));
    int other = ::dup(fd);
    FileParts body(fd, 50000);
    Piece piece;
    ASSERT_TRUE(body.ready(piece));
    ASSERT_EQ(::ftruncate(other, 100), 0);
    ASSERT_TRUE(body.ready(piece));
    EXPECT_EQ(piece.state, BodyState::truncated);
    EXPECT_FALSE(body.ended());
    ::close(other);
}

// A file in memory is one of those of which the kernel does not say whether a read would wait.
TEST(FileParts, ThreadsReadWhatMayTakeTime) {
    std::string content;
    for (int i = 0; i < 60000; ++i) content += std::to_string(i) + "\n";
    int fd = ::memfd_create("weir-parts", 0);
    ASSERT_EQ(::write(fd, content.data(), content.size()), static_cast<ssize_t>(content.size()));
    net::Loop loop;
    net::Disk disk(loop);
    FileParts body(fd, content.size() - 10, 10);
    body.read_by(disk);
    std::string out;
    bool ended = false;
    auto read = [&]() -> net::Task<void> {
        for (Piece piece; !piece.last;) {
            if (!body.ready(piece)) piece = co_await body.next(1000, nullptr);
            EXPECT_EQ(piece.state, BodyState::ok);
            if (piece.state != BodyState::ok) break;
            out += piece.bytes;
        }
        ended = true;
    };
    EXPECT_EQ(body.in_file().length, 0u);
    net::spawn(read());
    for (int turns = 0; !ended && turns < 5000; ++turns) loop.run_once(1);
    EXPECT_EQ(out, content.substr(10));
    EXPECT_TRUE(body.ended());
}

TEST(FileParts, ABodyInMemoryIsNotRead) {
    Arena arena;
    const std::string content = "abcdefghij";
    FileParts body(file_of("xx0123456789"), 10, 2);
    body.in_memory(content);
    EXPECT_EQ(body.in_file().length, 0u);
    ByteRange range{2, 5};
    body.take_ranges({&range, 1}, "text/plain", arena);
    EXPECT_EQ(all_of(body), "cde");
    FileParts whole(file_of("xx0123456789"), 10, 2);
    whole.in_memory(content);
    EXPECT_EQ(all_of(whole), content);
}

TEST(FileParts, OfABodyTheBeginMayBeInMemory) {
    Arena arena;
    FileParts body(file_of("xx0123456789"), 10, 2);
    body.in_memory("ABCD");
    EXPECT_EQ(body.in_file().length, 0u);
    Piece piece;
    ASSERT_TRUE(body.ready(piece));
    EXPECT_EQ(piece.bytes, "ABCD");
    EXPECT_EQ(body.in_file().length, 6u);
    EXPECT_EQ(body.in_file().offset, 6u);
    EXPECT_EQ(all_of(body), "456789");
    for (auto [range, text] : {std::pair(ByteRange{2, 6}, "CD45"), std::pair(ByteRange{1, 3}, "BC"), std::pair(ByteRange{5, 10}, "56789")}) {
        FileParts part(file_of("xx0123456789"), 10, 2);
        part.in_memory("ABCD");
        part.take_ranges({&range, 1}, "text/plain", arena);
        EXPECT_EQ(all_of(part), text);
    }
    FileParts parts(file_of("xx0123456789"), 10, 2);
    parts.in_memory("ABCD");
    const ByteRange ranges[] = {{1, 2}, {3, 5}, {8, 9}};
    parts.take_ranges(ranges, "", arena);
    const auto text = all_of(parts);
    for (const auto* one : {"\r\n\r\nB\r\n", "\r\n\r\nD4\r\n", "\r\n\r\n8\r\n"}) EXPECT_NE(text.find(one), text.npos) << one;
}

// A plain connection that takes a mapped file, of which somebody else has the descriptor, too.
struct MappedRelay {
    net::Loop loop;
    net::Stream out;
    std::string content;
    int target = -1, file = -1;
    std::optional<FileParts> body;
    std::optional<H1Writer> writer;
    std::optional<RelayResult> result;
    std::string received;

    explicit MappedRelay(std::size_t bytes) {
        for (int i = 0; content.size() < bytes; ++i) content += std::to_string(i) + "\n";
        int ends[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
        EXPECT_TRUE(out.open(loop, ends[0]));
        target = ends[1];
        file = file_of("xx" + content);
        body.emplace(-1, content.size(), 2);
        body->share(net::MappedFile::make(::dup(file), content.size() + 2));
        writer.emplace(out);
        writer->head.acquire();
        writer->head.append("head ");
    }
    ~MappedRelay() {
        ::close(target);
        ::close(file);
    }
    net::Task<void> run() { result = co_await relay_body(*body, *writer, {}); }
    void start() {
        writer->start(Framing::length);
        net::spawn(run());
    }
    void turn() {
        char block[65536];
        for (ssize_t got; (got = ::read(target, block, sizeof block)) > 0;) received.append(block, static_cast<std::size_t>(got));
        loop.run_once(1);
    }
    void finish() {
        for (int turns = 0; !result && turns < 5000; ++turns) turn();
        ASSERT_TRUE(result);
        turn();
    }
};

TEST(FileParts, AMappedFileIsSentBehindItsHead) {
    MappedRelay relay(3'000'000);
    EXPECT_TRUE(relay.body->goes_on_mapped());
    EXPECT_NE(relay.body->in_file().mapped, nullptr);
    relay.start();
    relay.finish();
    EXPECT_EQ(relay.result->failed, RelayResult::Side::none);
    EXPECT_EQ(relay.received, "head " + relay.content);
    EXPECT_EQ(relay.writer->body_sent(), relay.content.size());
    EXPECT_TRUE(relay.body->ended());
}

TEST(FileParts, RangesOfAMappedFile) {
    Arena arena;
    MappedRelay one(200'000), parts(200'000);
    const ByteRange range{70'001, 150'000};
    one.body->take_ranges({&range, 1}, "", arena);
    one.start();
    one.finish();
    EXPECT_EQ(one.received, "head " + one.content.substr(70'001, 79'999));
    const ByteRange ranges[] = {{0, 5}, {9000, 100'000}};
    parts.body->take_ranges(ranges, "", arena);
    EXPECT_FALSE(parts.body->goes_on_mapped()) << "text comes first";
    parts.start();
    parts.finish();
    EXPECT_EQ(parts.received.size(), 5 + parts.body->length());
    EXPECT_NE(parts.received.find("\r\n\r\n" + parts.content.substr(9000, 91'000) + "\r\n--"), std::string::npos);
}

// Whoever reads it in user space gets it by read().
TEST(FileParts, AMappedFileInBoundedPieces) {
    MappedRelay relay(100'000);
    EXPECT_EQ(all_of(*relay.body), relay.content);
}

TEST(FileParts, AMappedFileThatIsCutOffMeanwhile) {
    for (const std::size_t left : {2'000'000u, 2'999'990u}) {   // by pages, and within the last one
        MappedRelay relay(3'000'000);
        relay.start();
        relay.loop.run_once(0);
        EXPECT_FALSE(relay.result) << "the receiver takes nothing yet";
        ASSERT_EQ(::ftruncate(relay.file, static_cast<off_t>(left)), 0);
        relay.finish();
        EXPECT_EQ(relay.result->failed, RelayResult::Side::source);
        EXPECT_EQ(relay.result->state, BodyState::truncated);
        EXPECT_EQ(relay.received, "head " + relay.content.substr(0, left - 2));
    }
}

}  // namespace
}  // namespace weir::http
