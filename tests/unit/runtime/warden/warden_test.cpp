// SPDX-License-Identifier: Apache-2.0
// The warden over a board, against servers on Unix sockets: states, lines, reloads.
#include "runtime/warden/warden.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <mutex>
#include <thread>

namespace weir::warden {
namespace {

using std::chrono::milliseconds;
using zone::CheckCode;

// Answers everything with `answer`, from a thread of its own; an empty one closes at once.
class Server {
public:
    Server() {
        static std::atomic<int> serial{0};
        path = "@weir-warden-test-" + std::to_string(::getpid()) + "-" + std::to_string(++serial);
        fd_ = ::socket(AF_UNIX, SOCK_STREAM, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path + 1, path.data() + 1, path.size() - 1);
        auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
        EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), size), 0);
        ::listen(fd_, 2048);
        thread_ = std::thread([this] { serve(); });
    }
    ~Server() {
        stop_ = true;
        thread_.join();
        ::close(fd_);
    }
    void set(std::string text) {
        std::lock_guard guard(lock_);
        answer_ = std::move(text);
    }
    std::string path;
    std::atomic<int> requests{0};

private:
    void serve() {
        while (!stop_) {
            pollfd wait{fd_, POLLIN, 0};
            if (::poll(&wait, 1, 20) != 1) continue;
            int client = ::accept(fd_, nullptr, nullptr);
            char buffer[2048];
            if (::recv(client, buffer, sizeof buffer, 0) > 0) ++requests;
            std::unique_lock guard(lock_);
            std::string answer = answer_;
            guard.unlock();
            ::send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
            ::close(client);
        }
    }
    int fd_ = -1;
    std::string answer_ = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    std::mutex lock_;
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

class WardenTest : public testing::Test {
protected:
    static ir::Server server_of(std::string name, std::string path, bool http) {
        ir::Server server;
        server.name = std::move(name);
        server.endpoints.push_back({.path = std::move(path)});
        ir::HealthCheck check;
        check.kind = http ? ir::HealthCheck::Kind::http : ir::HealthCheck::Kind::connect;
        check.interval = milliseconds(10);
        check.timeout = milliseconds(500);
        check.rise = 2;
        check.fall = 2;
        server.check = check;
        return server;
    }
    static std::shared_ptr<ir::Config> config_of(std::vector<ir::Server> servers) {
        auto config = std::make_shared<ir::Config>();
        ir::Pool pool;
        pool.name = "be";
        pool.servers = std::move(servers);
        config->add(std::move(pool));
        return config;
    }
    void start(std::shared_ptr<ir::Config> config) {
        ASSERT_TRUE(board_.prepare(*config));
        start_.config = std::move(config);
        start_.arena = &arena_;
        start_.board = &board_;
        auto begun = warden_.start(loop_, start_);
        ASSERT_TRUE(begun) << begun.error();
    }
    void reload(std::shared_ptr<ir::Config> config) {
        ASSERT_TRUE(board_.prepare(*config));
        process::Setup next;
        next.config = std::move(config);
        auto ready = warden_.prepare(next);
        ASSERT_TRUE(ready) << ready.error();
        warden_.commit();
    }
    zone::ServerState& state(const std::string& name) {
        return *board_.find(zone::Kind::server, "be/" + name).state;
    }
    template <class Condition>
    [[nodiscard]] bool soon(Condition condition) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        while (!condition() && std::chrono::steady_clock::now() < end)
            loop_.run_once(5);
        return condition();
    }

    zone::SharedArena arena_ = zone::SharedArena::create();
    zone::Board board_{arena_, 1};
    net::Loop loop_;
    process::WorkerStart start_;
    std::vector<std::string> lines_;
    Warden warden_{[this](std::string_view text) { lines_.emplace_back(text); }};
};

TEST_F(WardenTest, NobodyListens) {
    start(config_of({server_of("s1", "/nowhere/weir-test.sock", false)}));
    ASSERT_TRUE(soon([&] { return !state("s1").usable(); }));
    EXPECT_EQ(state("s1").check_code, static_cast<std::uint32_t>(CheckCode::l4_failed));
    ASSERT_EQ(lines_.size(), 2u);
    EXPECT_EQ(lines_[0].find("Server be/s1 is DOWN, reason: Layer4 connection problem, info: "
                             "\"No such file or directory\", check duration: "), 0u) << lines_[0];
    EXPECT_EQ(lines_[1], "backend be has no server available!");
}

TEST_F(WardenTest, DownAndUpAgain) {
    Server real;
    start(config_of({server_of("s1", real.path, true)}));
    ASSERT_TRUE(soon([&] { return state("s1").health == 3; }));
    EXPECT_EQ(state("s1").check_status, 200u);
    const auto epoch = board_.health_epoch().load();
    real.set("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
    ASSERT_TRUE(soon([&] { return !state("s1").usable(); }));
    EXPECT_GT(board_.health_epoch().load(), epoch);
    EXPECT_EQ(state("s1").check_code, static_cast<std::uint32_t>(CheckCode::l7_status));
    EXPECT_EQ(state("s1").downs, 1u);
    EXPECT_EQ(state("s1").fall_count, 2u);
    EXPECT_NE(lines_.at(0).find("Layer7 wrong status, code: 503, info: \"Busy\""), std::string::npos);
    real.set("HTTP/1.1 204 No Content\r\n\r\n");
    ASSERT_TRUE(soon([&] { return state("s1").usable(); }));
    EXPECT_NE(lines_.back().find("Server be/s1 is UP, reason: Layer7 check passed, code: 204"),
              std::string::npos);
}

TEST_F(WardenTest, ConnectionThatClosesWithoutAnAnswer) {
    Server real;
    real.set("");
    start(config_of({server_of("s1", real.path, true)}));
    ASSERT_TRUE(soon([&] { return !state("s1").usable(); }));
    EXPECT_EQ(state("s1").check_code, static_cast<std::uint32_t>(CheckCode::l7_invalid));
}

TEST_F(WardenTest, ChunkedBodyIsLookedAtAsOneText) {
    Server real;
    real.set("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nrea\r\n2\r\ndy\r\n0\r\n\r\n");
    auto server = server_of("s1", real.path, true);
    ir::HealthCheck::Step expect;
    expect.what = ir::HealthCheck::Step::What::expect;
    expect.expect = ir::HealthCheck::Step::Expect::text;
    expect.pattern = "ready";
    server.check->steps.push_back(expect);
    start(config_of({server}));
    ASSERT_TRUE(soon([&] { return state("s1").health == 3; }));
    real.set("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nrea\r\n0\r\n\r\n");
    ASSERT_TRUE(soon([&] { return !state("s1").usable(); }));
    EXPECT_NE(lines_.at(0).find("HTTP content check did not match"), std::string::npos);
}

TEST_F(WardenTest, NotFoundStopsAServerWhereAskedFor) {
    Server real;
    auto server = server_of("s1", real.path, true);
    server.check->disable_on_404 = true;
    start(config_of({server}));
    ASSERT_TRUE(soon([&] { return state("s1").health == 3; }));
    real.set("HTTP/1.1 404 Gone\r\nContent-Length: 0\r\n\r\n");
    ASSERT_TRUE(soon([&] { return (state("s1").flags & zone::ServerState::stopping) != 0; }));
    EXPECT_TRUE(state("s1").usable());
    EXPECT_NE(lines_.at(0).find("Server be/s1 is stopping, reason: Layer7 check conditionally "
                                "passed, code: 404"), std::string::npos);
}

TEST_F(WardenTest, AReloadKeepsWhatIsKnown) {
    Server real;
    auto gone = server_of("s1", "/nowhere/weir-test.sock", false);
    auto live = server_of("s2", real.path, true);
    start(config_of({gone, live}));
    ASSERT_TRUE(soon([&] { return !state("s1").usable() && state("s2").health == 3; }));
    lines_.clear();
    gone.check->fall = 5;                       // changed: its state stays all the same
    reload(config_of({gone, live, server_of("s3", real.path, true)}));
    EXPECT_FALSE(state("s1").usable());
    EXPECT_EQ(state("s2").health, 3u);
    ASSERT_TRUE(soon([&] { return state("s3").health == 3; }));
    EXPECT_TRUE(lines_.empty());                // nobody changed, nothing was said
    gone.check.reset();                         // no check any more: nothing keeps it down
    reload(config_of({gone, live}));
    EXPECT_TRUE(state("s1").usable());
    const int before = real.requests;
    ASSERT_TRUE(soon([&] { return real.requests > before + 2; }));
}

TEST_F(WardenTest, AnotherWardenGoesOnWithTheBoard) {
    Server real;
    real.set("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
    auto config = config_of({server_of("s1", real.path, true)});
    start(config);
    ASSERT_TRUE(soon([&] { return !state("s1").usable(); }));
    warden_.stop_now();
    Warden second;
    ASSERT_TRUE(second.start(loop_, start_));
    EXPECT_FALSE(state("s1").usable());
    real.set("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    ASSERT_TRUE(soon([&] { return state("s1").usable(); }));
}

TEST_F(WardenTest, AMandatoryServerWaitsForItsFirstSuccess) {
    Server real;
    auto server = server_of("s1", real.path, true);
    server.check->mandatory = true;
    server.check->rise = 1;
    start(config_of({server}));
    EXPECT_FALSE(state("s1").usable());
    ASSERT_TRUE(soon([&] { return state("s1").usable(); }));
}

TEST_F(WardenTest, ATrackerFollows) {
    Server real;
    real.set("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
    ir::Server tracker;
    tracker.name = "t1";
    tracker.endpoints.push_back({.path = real.path});
    tracker.track = "be/s1";
    start(config_of({server_of("s1", real.path, true), tracker}));
    ASSERT_TRUE(soon([&] { return !state("t1").usable(); }));
    EXPECT_NE(lines_.back().find("Server be/t1 is DOWN via be/s1."), std::string::npos);
    real.set("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    ASSERT_TRUE(soon([&] { return state("t1").usable(); }));
}

TEST_F(WardenTest, AWrongPatternIsRefusedAndTheOldChecksGoOn) {
    Server real;
    auto server = server_of("s1", real.path, true);
    start(config_of({server}));
    ir::HealthCheck::Step expect;
    expect.what = ir::HealthCheck::Step::What::expect;
    expect.expect = ir::HealthCheck::Step::Expect::regex;
    expect.pattern = "(";
    server.check->steps.push_back(expect);
    process::Setup next;
    next.config = config_of({server});
    auto ready = warden_.prepare(next);
    ASSERT_FALSE(ready);
    EXPECT_NE(ready.error().find("be/s1"), std::string::npos);
    warden_.abort();
    ASSERT_TRUE(soon([&] { return real.requests > 2; }));
}

TEST_F(WardenTest, AThousandServers) {
    Server real;
    std::vector<ir::Server> servers;
    for (int i = 0; i < 1000; ++i) {
        servers.push_back(server_of("s" + std::to_string(i), real.path, false));
        servers.back().check->interval = milliseconds(300);
        servers.back().check->rise = 1;
    }
    start(config_of(servers));
    ASSERT_TRUE(soon([&] {
        for (int i = 0; i < 1000; ++i)
            if (state("s" + std::to_string(i)).check_code == 0) return false;
        return true;
    }));
    for (int i = 0; i < 1000; ++i) EXPECT_TRUE(state("s" + std::to_string(i)).usable()) << i;
    EXPECT_TRUE(lines_.empty());
}

}  // namespace
}  // namespace weir::warden
