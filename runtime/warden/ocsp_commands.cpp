// SPDX-License-Identifier: Apache-2.0
#include "runtime/warden/ocsp_commands.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/net/tls_text.hpp"
#include "runtime/route/dates.hpp"
#include "runtime/warden/tls_drafts.hpp"

namespace weir::warden {

namespace {

using filter::CommandCall;
using filter::Level;
using Item = OcspUpdater::Item;

OcspUpdater* updater = nullptr;   // of this process

// The certificates that have a response, or are to get one.
template <class Visit>
void each_stapled(const ir::Config& config, Visit visit) {
    for (const auto& [name, one] : certificates_of(config)) {
        if (!one.identity->ocsp && !one.identity->status->on) continue;
        if (auto key = net::ocsp_key(*one.identity); !key.empty()) visit(name, key, *one.identity);
    }
}

void list_responses(CommandCall& call) {
    call.say("# Certificate IDs");
    each_stapled(*call.around.config, [&](std::string_view name, const std::string& key, const ir::TlsIdentity&) {
        const auto parts = net::ocsp_parts(key);
        call.say(fmt::format("Certificate ID key : {}\nCertificate path : {}\n  Certificate ID:\n"
                             "    Issuer Name Hash: {}\n    Issuer Key Hash: {}\n    Serial Number: {}",
                             key, name, parts.name_hash, parts.key_hash, parts.serial));
    });
}

void show_response(CommandCall& call) {
    if (call.words.empty()) return list_responses(call);
    const bool formatted = call.word(0) == "text" || call.word(0) == "base64";
    const auto wanted = call.word(formatted ? 1 : 0);
    if (wanted.empty()) return call.say("'show ssl ocsp-response [text|base64] <id|path>' expects an id or a path");
    std::string response;
    each_stapled(*call.around.config, [&](std::string_view name, const std::string& key, const ir::TlsIdentity& identity) {
        if (response.empty() && (name == wanted || key == wanted)) response = newest_response(identity);
    });
    if (response.empty()) return call.say("Certificate ID or path does not match any certificate.");
    if (call.word(0) == "base64") return call.say(net::to_base64(response));
    put_response(call.out, response);
}

std::string_view words_for(http::OcspOutcome outcome) {
    using Outcome = http::OcspOutcome;
    switch (outcome) {
        case Outcome::unknown: return "Unknown";
        case Outcome::good: return "Update successful";
        case Outcome::no_answer: return "HTTP error";
        case Outcome::wrong_type: return "Missing \"ocsp-response\" header";
        case Outcome::bad_answer: return "OCSP response check failure";
        case Outcome::not_kept: return "Error during insertion";
    }
    return "Unknown";
}

std::string date(std::int64_t seconds) {
    return seconds == 0 ? std::string("-") : std::string(route::date_text(route::DateForm::gmt_clf, seconds));
}

void show_updates(CommandCall& call) {
    call.say("OCSP Certid | Path | Next Update | Last Update | Successes | Failures | Last Update Status | "
             "Last Update Status (str)");
    std::vector<const Item*> items;
    if (updater)
        updater->each([&](const Item& item) {
            const bool can_be_asked = item.question || item.last_asked == 0;
            if (item.by_itself && can_be_asked) items.push_back(&item);
        });
    std::sort(items.begin(), items.end(), [](const auto* a, const auto* b) { return a->next_asked < b->next_asked; });
    for (const auto* item : items)
        call.say(fmt::format("{} | {} | {} | {} | {} | {} | {} | {}", net::ocsp_key(*item->identity),
                             item->identity->known_as(), date(item->next_asked), date(item->last_kept), item->successes,
                             item->failures, static_cast<int>(item->outcome), words_for(item->outcome)));
}

void update_response(CommandCall& call) {
    const std::string name(call.word(0));
    if (name.empty()) return call.say("'update ssl ocsp-response' expects a filename");
    const auto* config = call.around.config;
    const auto* identity = find_certificate(*config, name);
    if (!identity || !updater || !updater->find(*identity))
        return call.say("'update ssl ocsp-response' only works on certificates that already have a known OCSP response.");
    call.wait_for([identity](filter::Wanted::Done done) { updater->ask_now(*identity, std::move(done)); },
                  [&around = call.around, name](std::string& out, const std::string& problem) {
                      const auto* now = find_certificate(*around.config, name);
                      if (!problem.empty()) (out += problem) += '\n';
                      else if (now) put_response(out, newest_response(*now));
                  });
}

constexpr filter::Command rows[] = {
    {"show ssl ocsp-response", "[[text|base64] <id|path>]", "OCSP responses, or what one says", Level::operator_level,
     show_response},
    {"show ssl ocsp-updates", "", "certificates whose responders are asked, and what they said", Level::operator_level,
     show_updates},
    {"update ssl ocsp-response", "<certfile>", "ask the responder of a certificate now", Level::admin, update_response},
};

}  // namespace

filter::Commands ocsp_commands() { return rows; }
void ocsp_commands_about(OcspUpdater* of) { updater = of; }

std::string newest_response(const ir::TlsIdentity& identity) {
    const auto* item = updater ? updater->find(identity) : nullptr;
    if (item && !item->response.empty()) return item->response;
    return identity.ocsp ? identity.ocsp->bytes : std::string();
}

void put_response(std::string& out, std::string_view der) {
    const auto text = net::describe_ocsp(der);
    for (std::string_view rest = text; !rest.empty();) {
        const auto end = std::min(rest.find('\n'), rest.size());
        (out += end == 0 ? " " : rest.substr(0, end)) += '\n';
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
}

std::string ocsp_line(const Item& item) {
    using Outcome = http::OcspOutcome;
    std::string words(words_for(item.outcome));
    if (item.outcome == Outcome::bad_answer || item.outcome == Outcome::not_kept)
        words += fmt::format(" ({})", item.problem);
    return fmt::format("<OCSP-UPDATE> {} {} \"{}\" {} {}", item.identity->known_as(), static_cast<int>(item.outcome), words,
                       item.failures, item.successes);
}

}  // namespace weir::warden
