// SPDX-License-Identifier: Apache-2.0
// Who may ask (nginx's access phase): addresses, passwords, and an inner request that decides. All of
// what is said must agree, or, with "satisfy any", one of it.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "runtime/exchange/actions.hpp"
#include "runtime/exchange/exchange.hpp"
#include "runtime/exchange/passwords.hpp"
#include "runtime/log/error_log.hpp"
#include "runtime/route/fetch.hpp"

namespace weir::exchange {

namespace {

PasswordFiles& password_files() {
    static thread_local PasswordFiles files;   // a worker has one thread
    return files;
}

}  // namespace

namespace {

bool lies_within(const route::Address& client, const ir::AccessSettings::Rule& rule) {
    using Who = ir::AccessSettings::Rule::Who;
    if (rule.who == Who::all) return true;
    if (rule.who == Who::unix_socket) return client.is_unix;
    const auto& network = rule.network;
    if (client.is_unix || client.ip.family != network.address.family) return false;
    auto bits = network.bits;
    for (std::size_t i = 0; bits > 0; ++i) {
        auto here = std::min<unsigned>(bits, 8);
        auto mask = static_cast<std::uint8_t>(0xff00u >> here);
        if ((client.ip.bytes[i] & mask) != (network.address.bytes[i] & mask)) return false;
        bits = static_cast<std::uint8_t>(bits - here);
    }
    return true;
}

}  // namespace

bool is_refused(const route::Address& client, const ir::AccessSettings& access) {
    for (const auto& rule : access.addresses)
        if (lies_within(client, rule)) return !rule.allow;
    return false;
}

Exchange::Access Exchange::check_address() {
    for (const auto& rule : route_->access->source->addresses) {
        if (!lies_within(*subject_.client, rule)) continue;
        return rule.allow ? Access::granted : Access::forbidden;
    }
    return Access::no_opinion;
}

Exchange::Access Exchange::ask_for_user(std::string_view realm) {
    challenge_ = arena_.join({"Basic realm=\"", realm, "\""});
    return Access::unauthorized;
}

Exchange::Access Exchange::check_user() {
    const auto& access = *route_->access;
    if (!access.asks_user || access.users.empty()) return Access::no_opinion;
    auto realm = access.realm.render(subject_);
    if (realm == "off") return Access::no_opinion;
    const route::Node none;
    auto user = route::fetch_remote_user(none, subject_);
    auto password = route::fetch_basic_auth_password(none, subject_);
    if (!user.exists || user.bytes.empty() || !password.exists) {
        note_problem(log::info, "no user/password was provided for basic authentication");
        return ask_for_user(realm);
    }
    auto path = route::with_nul({access.users.render(subject_)}, arena_);
    int error = 0;
    switch (password_files().check(path, user.bytes, password.bytes, error)) {
        case Credentials::right: return Access::granted;
        case Credentials::no_file:
            note_problem(error == ENOENT ? log::error : log::critical,
                         log::ErrorLog::with_error(fmt::format("open() \"{}\" failed", path), error));
            return error == ENOENT ? Access::forbidden : Access::failed;
        case Credentials::unknown_user:
            note_problem(log::error, fmt::format("user \"{}\" was not found in \"{}\"", user.bytes, path));
            return ask_for_user(realm);
        case Credentials::wrong:
            note_problem(log::error, fmt::format("user \"{}\": password mismatch", user.bytes));
            return ask_for_user(realm);
    }
    return Access::failed;
}

// Next::perform: the request may go on.
net::Task<Exchange::Next> Exchange::check_access() {
    const auto& access = *route_->access;
    bool any = access.source->any;
    auto worst = Access::no_opinion;
    challenge_ = {};
    for (int step = 0; step < 3; ++step) {
        auto verdict = Access::no_opinion;
        if (step == 0) verdict = check_address();
        if (step == 1) verdict = check_user();
        if (step == 2 && !access.source->ask_uri.empty()) verdict = co_await ask_inside();
        if (verdict == Access::no_opinion) continue;
        if (verdict == Access::granted) {
            if (!any) continue;
            challenge_ = {};
            co_return Next::perform;
        }
        if (worst != Access::unauthorized) worst = verdict;
        if (!any || verdict == Access::failed) break;
    }
    switch (worst) {
        case Access::no_opinion:
        case Access::granted: co_return Next::perform;
        case Access::failed: co_return fail(500);
        case Access::forbidden:
            challenge_ = {};
            if (access.source->ask_uri.empty()) note_problem(log::error, "access forbidden by rule");
            co_return fail(403);
        case Access::unauthorized: break;
    }
    if (access.source->delay.count() != 0)
        co_await net::sleep_for(worker_.loop, access.source->delay.count());
    if (!challenge_.empty()) kept_fields_.set(arena_, "WWW-Authenticate", challenge_);
    co_return fail(401);
}

}  // namespace weir::exchange
