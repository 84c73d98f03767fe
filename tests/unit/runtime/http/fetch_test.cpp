// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/fetch.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

namespace weir::http {

namespace {

// Takes one connection, notes what comes, answers, closes.
struct Server {
    int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    std::uint16_t port = 0;
    std::string heard;
    std::thread thread;

    explicit Server(std::string answer) {
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof at;
        ::bind(fd, reinterpret_cast<sockaddr*>(&at), size);
        ::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size);
        port = ntohs(at.sin_port);
        ::listen(fd, 1);
        thread = std::thread([this, answer = std::move(answer)] {
            int client = ::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC);
            char bytes[4096];
            auto got = ::read(client, bytes, sizeof bytes);
            heard.assign(bytes, static_cast<std::size_t>(got < 0 ? 0 : got));
            (void)!::write(client, answer.data(), answer.size());
            ::close(client);
        });
    }
    ~Server() {
        if (thread.joinable()) thread.join();
        ::close(fd);
    }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
};

net::Task<void> run(Fetch& fetch, const FetchRequest& request, Fetched& into, bool& done) {
    into = co_await fetch.run(request);
    done = true;
}

Fetched fetched(const FetchRequest& request, net::Loop& loop) {
    Fetch fetch(loop);
    Fetched answer;
    bool done = false;
    net::spawn(run(fetch, request, answer, done));
    while (!done) loop.run_once(100);
    return answer;
}

Fetched ask(const std::string& answer, std::string* heard = nullptr, std::string_view body = {}) {
    Server server(answer);
    net::Loop loop;
    FetchRequest request;
    request.url = *parse_http_url("http://127.0.0.1:" + std::to_string(server.port) + "/a?b");
    request.deadline = loop.now() + 5000;
    request.body = body;
    request.type = "text/plain";
    auto got = fetched(request, loop);
    server.thread.join();
    if (heard) *heard = server.heard;
    return got;
}

}  // namespace

TEST(HttpUrl, Parts) {
    auto url = parse_http_url("http://a.test");
    ASSERT_TRUE(url);
    EXPECT_EQ(url->host, "a.test");
    EXPECT_EQ(url->port, 80);
    EXPECT_EQ(url->path, "/");
    url = parse_http_url("http://[::1]:8080/x?y#z");
    ASSERT_TRUE(url);
    EXPECT_EQ(url->authority, "[::1]:8080");
    EXPECT_EQ(url->host, "::1");
    EXPECT_EQ(url->port, 8080);
    EXPECT_EQ(url->path, "/x?y");
    EXPECT_EQ(parse_http_url("http://a?q")->path, "/?q");
    for (const char* bad : {"https://a/", "http://", "http:///x", "http://a:0/", "http://a:70000/", "http://a:x/",
                            "http://u@a/", "http://[::1", "http://a/\r\nx", "ftp://a"})
        EXPECT_FALSE(parse_http_url(bad)) << bad;
}

TEST(Fetch, TakesBodiesInEveryFraming) {
    std::string heard;
    auto got = ask("HTTP/1.1 200 OK\nContent-Type: a/b\n\nabc", &heard);
    EXPECT_EQ(got.problem, "");
    EXPECT_EQ(got.status, 200);
    EXPECT_EQ(got.type, "a/b");
    EXPECT_EQ(got.body, "abc");
    EXPECT_TRUE(heard.starts_with("GET /a?b HTTP/1.0\r\nHost: 127.0.0.1:")) << heard;
    EXPECT_EQ(ask("HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nabc").body, "ab");
    EXPECT_EQ(ask("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n").body, "abc");
}

TEST(Fetch, PostsABody) {
    std::string heard;
    ask("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", &heard, "hello");
    EXPECT_TRUE(heard.starts_with("POST ")) << heard;
    EXPECT_TRUE(heard.ends_with("Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello")) << heard;
}

TEST(Fetch, TellsWhatIsWrong) {
    EXPECT_NE(ask("").problem, "");
    EXPECT_NE(ask("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc").problem, "");
    EXPECT_NE(ask("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab").problem, "");
    EXPECT_NE(ask("what?").problem, "");
    EXPECT_EQ(ask("HTTP/1.1 200 OK\r\n\r\n" + std::string(200000, 'x')).problem, "answer is too large");
    net::Loop loop;
    FetchRequest request;
    request.url = *parse_http_url("http://name.test/");
    EXPECT_EQ(fetched(request, loop).problem, "no resolver defined to resolve name.test");
}

}  // namespace weir::http
