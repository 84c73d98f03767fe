// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "runtime/net/tls.hpp"
#include "runtime/net/tls_text.hpp"
#include "runtime/warden/ocsp_commands.hpp"
#include "runtime/warden/tls_commands.hpp"
#include "runtime/warden/tls_drafts.hpp"

namespace weir::warden {

namespace {

using filter::CommandCall;
using filter::Level;

// "*name": the draft of that name; "\*name": a name that begins with a star.
struct Named {
    bool draft = false;
    std::string_view name;
};
Named named_by(std::string_view word) {
    if (word.starts_with('*')) return {true, word.substr(1)};
    if (word.starts_with('\\')) return {false, word.substr(1)};
    return {false, word};
}

void list_drafts(CommandCall& call, const std::vector<std::string>& lines) {
    if (lines.empty()) return;
    call.say("# transaction");
    for (const auto& one : lines) call.say("*" + one);
}

// ------------------------------------------------------------------------------- certificates

void list_certificates(CommandCall& call) {
    std::vector<std::string> drafts;
    for (const auto& [name, one] : tls_drafts().certificates) drafts.push_back(name);
    list_drafts(call, drafts);
    call.say("# filename");
    for (const auto& [name, one] : certificates_of(*call.around.config)) call.say(name);
    for (const auto& name : tls_drafts().new_certificates) call.say(name);
}

void say_certificate(CommandCall& call, std::string_view shown, std::string_view status, const ir::TlsIdentity& identity) {
    call.say(fmt::format("Filename: {}", shown));
    call.say(fmt::format("Status: {}", status));
    if (identity.chain) call.out += net::describe_identity(identity);
    else call.say("OCSP Response Key: ");
}

void show_certificate(CommandCall& call) {
    if (call.words.empty()) return list_certificates(call);
    const auto word = call.word(0);
    const auto [draft, name] = named_by(word);
    const auto missing = "Can't display the certificate: Not found or the certificate is a bundle!";
    constexpr std::string_view suffix = ".ocsp";
    const auto whose = name.ends_with(suffix) ? name.substr(0, name.size() - suffix.size()) : std::string_view();
    const auto& config = *call.around.config;
    if (draft) {
        const auto& drafts = tls_drafts().certificates;
        if (auto found = drafts.find(name); found != drafts.end())
            return say_certificate(call, word, "Unused", found->second);
        auto found = drafts.find(whose);
        if (found == drafts.end() || !found->second.ocsp) return call.say(missing);
        return put_response(call.out, found->second.ocsp->bytes);
    }
    const auto all = certificates_of(config);
    if (auto found = all.find(name); found != all.end())
        return say_certificate(call, name, found->second.used ? "Used" : "Unused", *found->second.identity);
    const auto& fresh = tls_drafts().new_certificates;
    if (std::find(fresh.begin(), fresh.end(), name) != fresh.end()) return say_certificate(call, name, "Empty", {});
    const auto* identity = whose.empty() ? nullptr : find_certificate(config, whose);
    const auto response = identity ? newest_response(*identity) : std::string();
    if (response.empty()) return call.say(missing);
    put_response(call.out, response);
}

void dump_certificate(CommandCall& call) {
    const auto [draft, name] = named_by(call.word(0));
    const ir::TlsIdentity* identity = nullptr;
    if (draft) {
        auto found = tls_drafts().certificates.find(name);
        if (found != tls_drafts().certificates.end()) identity = &found->second;
    } else {
        identity = find_certificate(*call.around.config, name);
    }
    if (!identity || !identity->chain) return call.say("Can't dump the certificate: Not found!");
    if (identity->key) call.out += net::keys_in(identity->key->bytes);
    call.out += net::without_keys(identity->chain->bytes);
}

// ----------------------------------------------------------------- authorities and revocations

using Describe = std::vector<std::string> (*)(std::string_view);

// "path:2": one of them by its number.
std::size_t take_index(std::string_view& name) {
    auto colon = name.rfind(':');
    if (colon == name.npos) return 0;
    std::size_t index = 0;
    auto digits = name.substr(colon + 1);
    auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
    if (failure != std::errc() || end != digits.data() + digits.size()) return 0;
    name = name.substr(0, colon);
    return index;
}

void say_each(CommandCall& call, const std::vector<std::string>& texts, std::string_view noun, std::size_t only) {
    for (std::size_t i = 0; i < texts.size(); ++i) {
        if (only != 0 && only != i + 1) continue;
        // No line of an answer is empty: that is its end.
        call.out += fmt::format(" \n{} #{}:\n{}", noun, i + 1, texts[i]);
    }
}

struct TrustWords {
    const std::map<std::string, std::string, std::less<>>& drafts;
    const std::vector<std::string>& fresh;
    std::map<std::string_view, TrustInUse> in_use;
    Describe describe;
    std::string_view noun, missing;
    bool counted;
};

void list_trust(CommandCall& call, const TrustWords& of) {
    auto line = [&](std::string_view name, std::string_view pem) {
        return of.counted ? fmt::format("{} - {} certificate(s)", name, of.describe(pem).size()) : std::string(name);
    };
    std::vector<std::string> drafts;
    for (const auto& [name, text] : of.drafts) drafts.push_back(line(name, text));
    list_drafts(call, drafts);
    call.say("# filename");
    for (const auto& [name, one] : of.in_use) call.say(line(name, one.file->bytes));
    for (const auto& name : of.fresh) call.say(line(name, ""));
}

void show_trust(CommandCall& call, const TrustWords& of) {
    if (call.words.empty()) return list_trust(call, of);
    auto [draft, name] = named_by(call.word(0));
    const auto known = [&] { return draft ? of.drafts.contains(name) : of.in_use.contains(name); };
    const bool fresh = std::find(of.fresh.begin(), of.fresh.end(), name) != of.fresh.end();
    const auto index = known() || fresh ? 0 : take_index(name);
    const bool empty = !draft && std::find(of.fresh.begin(), of.fresh.end(), name) != of.fresh.end();
    if (!known() && !empty) return call.say(of.missing);
    const auto in_use = of.in_use.find(name);
    const auto texts = empty ? std::vector<std::string>()
                             : of.describe(draft ? of.drafts.find(name)->second : in_use->second.file->bytes);
    if (index > texts.size()) return;
    call.say(fmt::format("Filename: {}{}", draft ? "*" : "", name));
    const bool used = !draft && in_use != of.in_use.end() && in_use->second.used;
    call.say(empty ? "Status: Empty" : used ? "Status: Used" : "Status: Unused");
    say_each(call, texts, of.noun, index);
}

void show_authorities(CommandCall& call) {
    const auto& drafts = tls_drafts();
    show_trust(call, {drafts.authorities, drafts.new_authorities, authorities_of(*call.around.config),
                      net::describe_certificates, "Certificate", "Can't display the CA file : Not found!", true});
}

void show_revocations(CommandCall& call) {
    const auto& drafts = tls_drafts();
    show_trust(call, {drafts.revocations, drafts.new_revocations, revocations_of(*call.around.config),
                      net::describe_revocations, "Certificate Revocation List",
                      "Can't display the CRL file : Not found!", false});
}

// ----------------------------------------------------------------------- lists of certificates

void show_list(CommandCall& call) {
    const bool numbered = call.word(0) == "-n";
    const auto path = call.word(numbered ? 1 : 0);
    const auto& lists = call.around.config->tls_lists;
    if (path.empty()) {
        for (const auto& one : lists) call.say(one.path);
        return;
    }
    auto list = std::find_if(lists.begin(), lists.end(), [&](const auto& one) { return one.path == path; });
    if (list == lists.end()) return call.say("didn't find the specified filename");
    call.say(fmt::format("# {}", list->path));
    for (const auto& line : list->lines) {
        auto text = line.certificate;
        if (numbered) text += fmt::format(":{}", line.number);
        if (!line.options.empty()) text += fmt::format(" [{}]", line.options);
        if (!line.names.empty()) text += " " + line.names;
        call.say(text);
    }
}

// ------------------------------------------------------------------------------ names, library

struct SniFilter {
    std::string_view frontend;
    bool expired_only = false;
    std::int64_t at = 0;   // unix seconds that "expired" means
};

bool read_sni_filter(CommandCall& call, SniFilter& filter) {
    filter.at = call.now_seconds;
    for (std::size_t i = 0; i < call.words.size(); ++i) {
        const auto word = call.word(i);
        if (word == "-A") {
            filter.expired_only = true;
        } else if (word == "-f" && i + 1 < call.words.size()) {
            filter.frontend = call.word(++i);
        } else if (word == "-t" && i + 1 < call.words.size()) {
            const auto text = call.word(++i);
            std::int64_t number = 0;
            auto end = std::from_chars(text.data(), text.data() + text.size(), number).ptr;
            switch (end == text.data() + text.size() ? 's' : *end) {
                case 'd': number *= 86400; break;
                case 'h': number *= 3600; break;
                case 'm': number *= 60; break;
                default: break;
            }
            filter.at += number;
        } else {
            call.say("Invalid parameters, 'show ssl sni' only supports '-f', '-A' and '-t'");
            return false;
        }
    }
    return true;
}

void say_entry(CommandCall& call, std::string_view place, const ir::ListenerTls::Entry& entry, bool is_default,
               const SniFilter& filter) {
    std::string excluded;
    std::vector<std::string> names;
    for (const auto& name : entry.names) {
        if (name.starts_with('!')) (excluded += excluded.empty() ? "" : " ") += name;
        else if (name != "*") names.push_back(name);
    }
    for (const auto& identity : entry.identities) {
        if (!identity.chain) continue;
        const auto summary = net::summary_of(identity.chain->bytes);
        if (filter.expired_only && summary.ends_at > filter.at) continue;
        auto shown = entry.names.empty() ? net::names_in(identity.chain->bytes) : names;
        if (is_default) shown.emplace_back("*");
        for (const auto& name : shown)
            call.say(fmt::format("{}\t{}\t{}\t{}\t{}\t{}\t{}", place, name,
                                 name.starts_with('*') && !excluded.empty() ? excluded : "-", summary.type,
                                 identity.known_as(), summary.ends, summary.starts));
    }
}

void show_names(CommandCall& call) {
    SniFilter filter;
    if (!read_sni_filter(call, filter)) return;
    const auto& config = *call.around.config;
    call.say("# Frontend/Bind\tSNI\tNegative Filter\tType\tFilename\tNotAfter\tNotBefore");
    bool found = filter.frontend.empty();
    for (const auto& listener : config.listeners) {
        if (listener.default_site == ir::no_id) continue;
        const auto& site = config.sites[listener.default_site].name;
        if (!filter.frontend.empty() && site != filter.frontend) continue;
        found = true;
        if (!listener.tls || listener.tls->sites_decide) continue;
        bool first = !listener.tls->strict_names;
        for (const auto& entry : listener.tls->certificates) {
            say_entry(call, site + "/" + listener.name, entry, first || (entry.is_default && !listener.tls->strict_names),
                      filter);
            first = false;
        }
    }
    if (!found) call.out = "Unknown frontend!\n";
}

void show_providers(CommandCall& call) {
    call.say("Loaded providers : ");
    for (const auto& name : net::tls_providers()) call.say("\t- " + name);
}

constexpr filter::Command rows[] = {
    {"dump ssl cert", "<certfile>", "a certificate with its key, as PEM", Level::admin, dump_certificate},
    {"show ssl ca-file", "[<cafile>[:<index>]]", "CA files, or what one holds", Level::operator_level, show_authorities},
    {"show ssl cert", "[<certfile>]", "certificates, or what one says", Level::operator_level, show_certificate},
    {"show ssl crl-file", "[<crlfile>[:<index>]]", "CRL files, or what one holds", Level::operator_level,
     show_revocations},
    {"show ssl crt-list", "[-n] [<list>]", "lists of certificates, or the lines of one", Level::operator_level,
     show_list},
    {"show ssl providers", "", "providers of the TLS library", Level::user, show_providers},
    {"show ssl sni", "[-f <frontend>] [-A] [-t <offset>]", "the names that listeners have certificates for",
     Level::operator_level, show_names},
};

}  // namespace

filter::Commands tls_show_commands() { return rows; }

}  // namespace weir::warden
