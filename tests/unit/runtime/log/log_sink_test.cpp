// SPDX-License-Identifier: Apache-2.0
// Sinks against real files, pipes and datagram sockets; time is what the test says it is.
#include "runtime/log/log_sink.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "runtime/log/access_log.hpp"

namespace weir::log {
namespace {

namespace fs = std::filesystem;

// 2026-11-21 06:00:00.123456 UTC.
constexpr std::int64_t some_time = 1795240800123456;

class LogSinkTest : public testing::Test {
protected:
    void SetUp() override {
        setenv("TZ", "UTC0", 1);
        tzset();
        char name[] = "/tmp/weir-log-XXXXXX";
        folder = mkdtemp(name);
        sinks.wall_us = [] { return some_time; };
        sinks.origin = {"box", 42};
        sinks.on_loss = [this](const Loss& loss) {
            losses.push_back(std::string{loss.place} + " " + std::to_string(loss.lines) + " " +
                             std::to_string(loss.error) + (loss.over ? " over" : ""));
        };
    }
    void TearDown() override { fs::remove_all(folder); }

    ir::LogTarget file(const std::string& name) {
        ir::LogTarget target;
        target.kind = ir::LogTarget::Kind::file;
        target.path = folder + "/" + name;
        return target;
    }
    static std::string content(const std::string& path) {
        std::ifstream in{path};
        std::stringstream text;
        text << in.rdbuf();
        return text.str();
    }

    std::string folder;
    LogSinks sinks;
    std::vector<std::string> losses;
};

TEST_F(LogSinkTest, LinesOfATurnLeaveAtItsEnd) {
    auto target = file("a");
    sinks.find(target).write("one");
    sinks.find(target).write("two");
    EXPECT_FALSE(fs::exists(target.path));
    EXPECT_EQ(sinks.flush(1), no_deadline);
    EXPECT_EQ(content(target.path), "one\ntwo\n");
    EXPECT_EQ(&sinks.find(target), &sinks.find(target));
}

TEST_F(LogSinkTest, BufferWaitsUntilFullOrDue) {
    ir::AccessLog log;
    log.target = file("a");
    log.buffer = 20;
    log.flush = std::chrono::milliseconds{500};
    write_access_line(sinks, log, "0123456789");
    EXPECT_EQ(sinks.flush(1000), 1500);
    EXPECT_EQ(sinks.flush(1499), 1500);
    EXPECT_EQ(content(log.target.path), "");
    EXPECT_EQ(sinks.flush(1500), no_deadline);
    EXPECT_EQ(content(log.target.path), "0123456789\n");
    write_access_line(sinks, log, "a");
    sinks.flush(1600);
    write_access_line(sinks, log, "0123456789012345678");
    EXPECT_EQ(sinks.flush(1601), no_deadline);
    EXPECT_EQ(content(log.target.path), "0123456789\na\n0123456789012345678\n");
}

TEST_F(LogSinkTest, BufferWithoutFlushWaitsForFlushAll) {
    ir::AccessLog log;
    log.target = file("a");
    log.buffer = 1000;
    write_access_line(sinks, log, "x");
    EXPECT_EQ(sinks.flush(1), no_deadline);
    EXPECT_EQ(sinks.flush(1000000), no_deadline);
    EXPECT_EQ(content(log.target.path), "");
    sinks.flush_all(1000001);
    EXPECT_EQ(content(log.target.path), "x\n");
}

TEST_F(LogSinkTest, ReopenFollowsARotation) {
    auto target = file("a");
    sinks.find(target).write("old");
    sinks.flush(1);
    fs::rename(target.path, target.path + ".1");
    sinks.find(target).write("still old");
    sinks.reopen(2);
    sinks.find(target).write("new");
    sinks.flush(3);
    EXPECT_EQ(content(target.path + ".1"), "old\nstill old\n");
    EXPECT_EQ(content(target.path), "new\n");
}

TEST_F(LogSinkTest, FilesOfTheMasterAreUsed) {
    auto target = file("given");
    int fd = open((folder + "/elsewhere").c_str(), O_WRONLY | O_APPEND | O_CREAT, 0600);
    sinks.find_file = [&](std::string_view path) { return path == target.path ? fd : -1; };
    sinks.find(target).write("x");
    sinks.reopen(1);
    EXPECT_EQ(content(folder + "/elsewhere"), "x\n");
    EXPECT_FALSE(fs::exists(target.path));
    close(fd);
}

TEST_F(LogSinkTest, FullDiskLosesLinesAndSaysSo) {
    ir::LogTarget target;
    target.kind = ir::LogTarget::Kind::file;
    target.path = "/dev/full";
    auto& sink = sinks.find(target);
    sink.write("one");
    sink.write("two");
    sinks.flush(1000);
    EXPECT_EQ(sink.lost(), 2u);
    ASSERT_EQ(losses.size(), 1u);
    EXPECT_EQ(losses[0], "/dev/full 2 " + std::to_string(ENOSPC));
    // Within the minute it is only counted.
    sink.write("three");
    EXPECT_EQ(sinks.flush(1500), 2000);
    sinks.flush(2000);
    EXPECT_EQ(sinks.lost(), 3u);
    EXPECT_EQ(losses.size(), 1u);
    sink.write("four");
    sinks.flush(62000);
    ASSERT_EQ(losses.size(), 2u);
    EXPECT_EQ(losses[1], "/dev/full 2 " + std::to_string(ENOSPC));
}

TEST_F(LogSinkTest, PathThatCannotBeOpened) {
    auto target = file("none/a");
    sinks.find(target).write("x");
    sinks.flush(1);
    EXPECT_EQ(sinks.lost(), 1u);
    fs::create_directory(folder + "/none");
    sinks.find(target).write("y");
    EXPECT_EQ(sinks.flush(1001), no_deadline);
    EXPECT_EQ(content(target.path), "y\n");
    EXPECT_EQ(sinks.lost(), 1u);
}

TEST_F(LogSinkTest, FullPipeDoesNotBlock) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    fcntl(ends[1], F_SETPIPE_SZ, 4096);
    ir::LogTarget target;
    target.kind = ir::LogTarget::Kind::descriptor;
    target.descriptor = ends[1];
    target.format = ir::LogTarget::Format::raw;
    auto& sink = sinks.find(target);
    std::string line(999, 'x');
    for (int i = 0; i < 400; ++i) sink.write(line);
    auto again = sinks.flush(1000);
    EXPECT_EQ(again, 1100);
    EXPECT_GT(sink.lost(), 0u);
    ASSERT_EQ(losses.size(), 1u);
    // The reader comes back: nothing is cut, and all that was not counted lost arrives.
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    std::string text;
    for (Milliseconds now = 1100; again != no_deadline && now < 60000; now += 100) {
        char buffer[8192];
        for (ssize_t size; (size = read(ends[0], buffer, sizeof buffer)) > 0;)
            text.append(buffer, static_cast<std::size_t>(size));
        again = sinks.flush(now);
    }
    char buffer[8192];
    for (ssize_t size; (size = read(ends[0], buffer, sizeof buffer)) > 0;)
        text.append(buffer, static_cast<std::size_t>(size));
    EXPECT_EQ(text.size(), (400 - sink.lost()) * 1000);
    for (std::size_t at = 999; at < text.size(); at += 1000) ASSERT_EQ(text[at], '\n');
    EXPECT_EQ(losses.size(), 1u);
    close(ends[0]);
    close(ends[1]);
}

TEST_F(LogSinkTest, NothingIsKeptForKindNone) {
    ir::LogTarget target;
    sinks.find(target).write("x");
    EXPECT_EQ(sinks.flush(1), no_deadline);
    EXPECT_EQ(sinks.lost(), 0u);
}

TEST_F(LogSinkTest, AdoptClosesWhatTwoPlansDidNotUse) {
    auto one = file("one"), two = file("two");
    sinks.find(one).write("x");
    sinks.find(two).write("x");
    sinks.adopt(1);
    EXPECT_EQ(content(one.path), "x\n");
    sinks.find(one).write("y");
    sinks.adopt(2);
    fs::remove(two.path);
    sinks.find(one).write("z");
    sinks.flush(3);
    EXPECT_EQ(content(one.path), "x\ny\nz\n");
    // A late exchange of the old plan still finds its log.
    sinks.find(two).write("late");
    sinks.flush(4);
    EXPECT_EQ(content(two.path), "late\n");
}

TEST_F(LogSinkTest, ForkedChildLeavesLinesToItsParent) {
    auto target = file("a");
    sinks.find(target).write("once");
    sinks.after_fork();
    EXPECT_EQ(sinks.origin.process_id, getpid());
    sinks.find(target).write("child");
    sinks.flush(1);
    EXPECT_EQ(content(target.path), "child\n");
    EXPECT_EQ(sinks.lost(), 0u);
}

TEST_F(LogSinkTest, ComputedPathsAreFewAndWhole) {
    for (int round = 0; round < 2; ++round)
        for (int i = 0; i < 100; ++i)
            sinks.find_computed(folder + "/" + std::to_string(i)).write("x");
    sinks.flush(1);
    for (int i = 0; i < 100; ++i)
        EXPECT_EQ(content(folder + "/" + std::to_string(i)), "x\nx\n") << i;
    std::size_t open_files = 0;
    for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
        std::error_code gone;
        open_files += fs::read_symlink(entry, gone).string().starts_with(folder);
    }
    EXPECT_EQ(open_files, LogSinks::most_computed);
}

TEST_F(LogSinkTest, SeverityBounds) {
    ir::AccessLog log;
    log.target = file("a");
    log.min_level = 5;
    write_access_line(sinks, log, "info");
    write_access_line(sinks, log, "error", 3);
    sinks.flush(1);
    EXPECT_EQ(content(log.target.path), "error\n");
}

struct Receiver {
    explicit Receiver(int family, const std::string& path = {}) {
        fd = socket(family, SOCK_DGRAM, 0);
        if (family == AF_UNIX) {
            sockaddr_un address{};
            address.sun_family = AF_UNIX;
            path.copy(address.sun_path, sizeof address.sun_path - 1);
            EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
            return;
        }
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        socklen_t size = sizeof address;
        getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
        name = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    }
    ~Receiver() { close(fd); }
    std::string next() const {
        char buffer[65536];
        ssize_t size = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
        return size < 0 ? "nothing" : std::string(buffer, static_cast<std::size_t>(size));
    }
    int fd = -1;
    std::string name;
};

TEST_F(LogSinkTest, FormatsOfBothLanguages) {
    Receiver receiver{AF_INET};
    using Format = ir::LogTarget::Format;
    ir::LogTarget target;
    target.kind = ir::LogTarget::Kind::syslog;
    target.path = receiver.name;
    target.facility = 16;
    target.tag = "tag";
    auto sent = [&](Format format) {
        target.format = format;
        sinks.find(target).write("hello", 6);
        sinks.flush(1);
        return receiver.next();
    };
    EXPECT_EQ(sent(Format::rfc3164), "<134>Nov 21 06:00:00 box tag: hello");
    target.host_name = "-";
    EXPECT_EQ(sent(Format::rfc3164), "<134>Nov 21 06:00:00 tag: hello");
    target.process_id = true;
    target.host_name = "other";
    EXPECT_EQ(sent(Format::rfc3164), "<134>Nov 21 06:00:00 other tag[42]: hello\n");
    EXPECT_EQ(sent(Format::local), "<134>Nov 21 06:00:00 tag[42]: hello\n");
    EXPECT_EQ(sent(Format::rfc5424),
              "<134>1 2026-11-21T06:00:00.123456+00:00 other tag 42 - - hello\n");
    EXPECT_EQ(sent(Format::priority), "<134>hello\n");
    EXPECT_EQ(sent(Format::short_form), "<6>hello\n");
    EXPECT_EQ(sent(Format::timed), "<6>2026-11-21T06:00:00.123456+00:00 hello\n");
    EXPECT_EQ(sent(Format::iso), "2026-11-21T06:00:00.123456+00:00 hello\n");
    EXPECT_EQ(sent(Format::raw), "hello\n");
    target.max_length = 4;
    EXPECT_EQ(sent(Format::raw), "hel\n");
}

TEST_F(LogSinkTest, SampledLines) {
    Receiver receiver{AF_INET};
    ir::LogTarget target;
    target.kind = ir::LogTarget::Kind::syslog;
    target.path = receiver.name;
    target.format = ir::LogTarget::Format::raw;
    target.sample_low = 2;
    target.sample_high = 3;
    target.sample_size = 4;
    for (int i = 1; i <= 8; ++i) sinks.find(target).write(std::to_string(i));
    sinks.flush(1);
    for (auto* line : {"2\n", "3\n", "6\n", "7\n", "nothing"}) EXPECT_EQ(receiver.next(), line);
    EXPECT_EQ(sinks.lost(), 0u);
}

TEST_F(LogSinkTest, UnixServerThatRestarts) {
    ir::LogTarget target;
    target.kind = ir::LogTarget::Kind::syslog;
    target.path = "unix:" + folder + "/log";
    target.format = ir::LogTarget::Format::raw;
    auto& sink = sinks.find(target);
    sink.write("lost");
    sinks.flush(1000);
    EXPECT_EQ(sink.lost(), 1u);
    {
        Receiver receiver{AF_UNIX, folder + "/log"};
        sink.write("one");
        sinks.flush(2000);
        EXPECT_EQ(receiver.next(), "one\n");
    }
    fs::remove(folder + "/log");
    Receiver receiver{AF_UNIX, folder + "/log"};
    sink.write("two");
    sinks.flush(3000);
    EXPECT_EQ(receiver.next(), "two\n");
    EXPECT_EQ(sink.lost(), 1u);
}

TEST_F(LogSinkTest, ManyDatagramsAndOneTooLarge) {
    Receiver receiver{AF_INET};
    int room = 4 << 20;
    setsockopt(receiver.fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    ir::LogTarget target;
    target.kind = ir::LogTarget::Kind::syslog;
    target.path = receiver.name;
    target.format = ir::LogTarget::Format::raw;
    target.max_length = 0;
    auto& sink = sinks.find(target);
    for (int i = 0; i < 100; ++i) sink.write(std::to_string(i));
    sink.write(std::string(70000, 'x'));
    sink.write("last");
    sinks.flush(1);
    for (int i = 0; i < 100; ++i) EXPECT_EQ(receiver.next(), std::to_string(i) + "\n");
    EXPECT_EQ(receiver.next(), "last\n");
    EXPECT_EQ(sink.lost(), 1u);
}

}  // namespace
}  // namespace weir::log
