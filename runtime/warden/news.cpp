// SPDX-License-Identifier: Apache-2.0
#include "runtime/warden/news.hpp"

#include <fmt/format.h>

namespace weir::warden {

namespace {

using Expect = ir::HealthCheck::Step::Expect;

std::string reason(const Outcome& outcome) {
    std::string out = fmt::format(", reason: {}", zone::words_of(outcome.code));
    if (outcome.status != 0) out += fmt::format(", code: {}", outcome.status);
    if (!outcome.text.empty()) out += fmt::format(", info: \"{}\"", outcome.text);
    return out + fmt::format(", check duration: {}ms", outcome.milliseconds);
}

std::string haproxy_change(const News& news) {
    const bool down = news.transition == Transition::down;
    std::string out =
        fmt::format("{} {}/{} is {}", news.server->backup ? "Backup Server" : "Server",
                    news.pool->name, news.server->name,
                    down ? "DOWN" : news.transition == Transition::up ? "UP" : "stopping");
    if (!news.via.empty())
        out += fmt::format(" via {}", news.via);
    else if (!news.pool->log_health_checks)   // else a line of its own has told the reason
        out += reason(*news.outcome);
    out += fmt::format(". {} active and {} backup servers {}.", news.count.active,
                       news.count.backup, down ? "left" : "online");
    if (news.count.active == 0 && news.count.backup > 0) out += " Running on backup.";
    if (down)
        out += fmt::format(" {} sessions active, 0 requeued, {} remaining in queue.",
                           news.count.sessions, news.count.queued);
    else
        out += fmt::format(" 0 sessions requeued, {} total in queue.", news.count.pool_queued);
    return out;
}

std::string_view what_was_checked(const Outcome& outcome) {
    switch (outcome.code) {
        case zone::CheckCode::socket_error:
        case zone::CheckCode::l4_timeout:
        case zone::CheckCode::l4_failed: return "connecting to upstream";
        case zone::CheckCode::l6_timeout:
        case zone::CheckCode::l6_invalid: return "SSL handshaking to upstream";
        default: break;
    }
    if (!outcome.unmet) return "reading response header from upstream";
    switch (*outcome.unmet) {
        case Expect::status:
        case Expect::status_regex: return "checking status code";
        case Expect::header: return "checking headers";
        case Expect::text:
        case Expect::regex:
        case Expect::binary:
        case Expect::binary_regex:
        case Expect::protocol: return "checking body";
    }
    return "checking";
}

std::string nginx_change(const News& news) {
    const std::string peer = fmt::format("health check \"{}\" of peer {} in upstream \"{}\"",
                                         news.check->name, news.address, news.pool->name);
    if (news.transition != Transition::down)
        return fmt::format("peer is healthy while checking, {}", peer);
    std::string why(what_was_checked(*news.outcome));
    if (!news.outcome->text.empty()) why += fmt::format(" ({})", news.outcome->text);
    if (news.outcome->status != 0) why += fmt::format(" (status {})", news.outcome->status);
    return fmt::format("peer is unhealthy while {}, {}", why, peer);
}

}  // namespace

std::string describe_change(const News& news) {
    return news.check->manner == ir::HealthCheck::Manner::nginx ? nginx_change(news)
                                                                : haproxy_change(news);
}

std::string describe_check(const News& news) {
    const Outcome& outcome = *news.outcome;
    const Health& health = news.health;
    const char* how = outcome.verdict == Verdict::passed        ? "succeeded"
                      : outcome.verdict == Verdict::conditional ? "conditionally succeeded"
                                                                : "failed";
    return fmt::format("Health check for {}server {}/{} {}{}, status: {}/{} {}.",
                       news.server->backup ? "backup " : "", news.pool->name, news.server->name,
                       how, reason(outcome), health.up() ? health.level - health.rise + 1
                                                         : health.level,
                       health.up() ? health.fall : health.rise,
                       health.stopping ? "NOLB" : health.up() ? "UP" : "DOWN");
}

int level_of(const News& news) {
    constexpr int alert = 1, warning = 4, notice = 5;
    if (news.transition != Transition::down) return notice;
    return news.check->manner == ir::HealthCheck::Manner::nginx ? warning : alert;
}

}  // namespace weir::warden
