// SPDX-License-Identifier: Apache-2.0
// ssl_ocsp: a client's certificate that is good by itself may have been revoked. Its request waits for
// what the responders say.
#include <fmt/format.h>

#include "runtime/exchange/client_tls.hpp"
#include "runtime/http/ocsp_client.hpp"
#include "runtime/plan/plan.hpp"
#include "runtime/zone/board.hpp"
#include "runtime/zone/table.hpp"

namespace weir::exchange {

namespace {

using Answer = net::OcspAnswer;
using ClientStatus = ir::TlsProfile::ClientStatus;

constexpr const char* not_known = "certificate status request failed";
constexpr net::Time question_time = 60000;   // ms

// What the workers keep in the zone of ssl_ocsp_cache.
class StatusCache {
public:
    enum Cell : std::uint32_t { said, until };   // Answer::Status; unix seconds
    StatusCache(Connection& connection, const ClientStatus& rules)
        : loop_(connection.worker.loop) {
        if (rules.cache != ir::no_id)
            table_ = connection.worker.board->tables().find(connection.running->plan->config().zones[rules.cache]);
    }
    bool find(const std::string& certificate, Answer& answer) {
        if (!table_) return false;
        auto known = table_->find(certificate, loop_.now());
        if (!known || static_cast<std::int64_t>(known.cell(until)) <= unix_now()) return false;
        known.touch(loop_.now());
        answer.status = static_cast<Answer::Status>(known.cell(said));
        return true;
    }
    // Only what says itself how long it holds.
    void put(const std::string& certificate, const Answer& answer) {
        if (!table_ || answer.next_update <= unix_now()) return;
        auto entry = table_->make(certificate, loop_.now());
        if (!entry) return;
        entry.cell(said) = static_cast<std::uint64_t>(answer.status);
        entry.cell(until) = static_cast<std::uint64_t>(answer.next_update);
    }

private:
    [[nodiscard]] std::int64_t unix_now() const { return loop_.wall_ms() / 1000; }
    net::Loop& loop_;
    zone::Table* table_ = nullptr;
};

}  // namespace

net::Task<const char*> ask_about_client(Connection& connection, const plan::Site& site, const ClientStatus& rules) {
    auto questions = net::OcspQuestion::about_peer(*connection.stream.tls(), rules.of == ClientStatus::Of::chain);
    if (!questions) {
        note_handshake(connection, site, log::error, questions.error());
        co_return not_known;
    }
    auto& loop = connection.worker.loop;
    StatusCache cache(connection, rules);
    const auto& names = rules.responder.empty() ? rules.names : rules.responder_names;
    for (const auto& question : *questions) {
        Answer answer;
        if (!cache.find(question->id(), answer)) {
            http::Fetch fetch(loop);
            auto reply = co_await http::ask_responder(fetch, *question, rules.responder, names, loop.now() + question_time);
            if (!reply.problem.empty()) {
                auto text = fmt::format("{} while requesting certificate status, responder: {}", reply.problem,
                                        rules.responder.empty() ? question->responder() : rules.responder);
                note_handshake(connection, site, log::error, text);
                co_return not_known;
            }
            answer = reply.answer;
            cache.put(question->id(), answer);
        }
        if (answer.status == Answer::Status::revoked) co_return "certificate revoked";
        if (answer.status != Answer::Status::good) co_return not_known;
    }
    co_return nullptr;
}

}  // namespace weir::exchange
