// SPDX-License-Identifier: Apache-2.0
// Load generator and back-end servers in one process, so that both together cost less than the
// cheapest proxy between them: one loop wakes once for the events of both sides. tests/bench/run
// starts it once and speaks to it over stdin and stdout, one command and one JSON line at a time:
//
//   run PORT CONNECTIONS MILLISECONDS MODE SIZE FILE   load; FILE holds the requests
//   hold PORT CONNECTIONS MILLISECONDS MODE SIZE FILE  one request each, then silence
//   again                                              one more on each held connection
//   drop                                               closes the held connections
//
// MODE: keep or close, with -tls or -resumed behind it. FILE: for each request a line with its
// length, then its bytes. The end of stdin ends the process.
#include "responder.hpp"
#include "run.hpp"

#include <fcntl.h>

#include <csignal>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>
#include <stdexcept>

namespace weir::bench {
namespace {

std::vector<std::string> read_requests(std::string const& name) {
    std::ifstream file{name, std::ios::binary};
    std::vector<std::string> requests;
    for (std::size_t size = 0; file >> size;) {
        file.get();
        requests.emplace_back(size, '\0');
        if (!file.read(requests.back().data(), static_cast<std::streamsize>(size)))
            throw std::runtime_error{"requests cut short in " + name};
    }
    if (requests.empty()) throw std::runtime_error{"no requests in " + name};
    return requests;
}

Job read_job(std::istream& words, bool hold) {
    Job job;
    long time = 0;
    std::string mode, file;
    words >> job.port >> job.connections >> time >> mode;
    if (!(words >> job.size >> file)) throw std::runtime_error{"command cut short"};
    job.duration = milliseconds{time};
    job.close = mode.starts_with("close");
    if (mode.ends_with("-tls")) job.tls = Tls::full;
    if (mode.ends_with("-resumed")) job.tls = Tls::resumed;
    job.hold = hold;
    job.requests = read_requests(file);
    return job;
}

/// Reads commands and answers each when the run that it started is over.
class Console final : public Handler {
public:
    explicit Console(Loop& loop) : loop_{loop} {
        ::fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
        loop_.add(STDIN_FILENO, *this, EPOLLIN);
    }

    bool ended() const { return ended_; }

    void on_ready(std::uint32_t) override {
        std::array<char, 4096> bytes;
        auto const count = ::read(STDIN_FILENO, bytes.data(), bytes.size());
        if (count < 0 && errno == EAGAIN) return;
        ended_ = count <= 0;
        if (count > 0) line_.append(bytes.data(), static_cast<std::size_t>(count));
        auto const end = line_.find('\n');
        if (end == std::string::npos) return;
        auto const line = line_.substr(0, end);
        line_.erase(0, end + 1);
        obey(line);
    }

    void tick() {
        if (!running_ || !run_) return;
        if (!run_->done()) run_->tick();
        if (!run_->done()) return;
        running_ = false;
        std::cout << run_->result().json() << std::endl;
        if (!held_) run_.reset();
    }

private:
    void obey(std::string const& line) {
        std::istringstream words{line};
        std::string verb;
        words >> verb;
        if (verb == "run" || verb == "hold") {
            held_ = verb == "hold";
            run_.reset();
            run_ = std::make_unique<Run>(loop_, read_job(words, held_));
            running_ = true;
        } else if (verb == "again" && run_) {
            run_->ask_again();
            running_ = true;
        } else if (verb == "drop") {
            run_.reset();
            std::cout << "{}" << std::endl;
        } else {
            throw std::runtime_error{"unknown command: " + line};
        }
    }

    Loop& loop_;
    std::string line_;
    std::unique_ptr<Run> run_;
    bool running_ = false, held_ = false, ended_ = false;
};

int serve(std::size_t ports) {
    Loop loop;
    Responder const responder{loop, ports};
    std::cout << "{\"ports\": [";
    for (std::size_t i = 0; i < ports; ++i)
        std::cout << (i == 0 ? "" : ", ") << responder.ports()[i];
    std::cout << "]}" << std::endl;
    Console console{loop};
    while (!console.ended()) {
        loop.turn(milliseconds{10});
        console.tick();
    }
    return 0;
}

}  // namespace
}  // namespace weir::bench

int main(int count, char** words) {
    std::signal(SIGPIPE, SIG_IGN);
    try {
        return weir::bench::serve(count > 1 ? std::stoul(words[1]) : 1);
    } catch (std::exception const& error) {
        std::cerr << "load: " << error.what() << '\n';
        return 1;
    }
}
