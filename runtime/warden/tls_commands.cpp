// SPDX-License-Identifier: Apache-2.0
#include "runtime/warden/tls_commands.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/net/tls_text.hpp"
#include "runtime/warden/tls_drafts.hpp"

namespace weir::warden {

namespace {

using filter::CommandCall;
using filter::Level;
using Kind = Amendment::Kind;

ir::File file_of(std::string path, std::string bytes) {
    auto file = std::make_shared<ir::FileContent>();
    file->path = std::move(path);
    file->bytes = std::move(bytes);
    return file;
}

bool has(const std::vector<std::string>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

// The end of a command that changed something: what HAProxy says, or why nothing has changed.
auto tell(std::string success, std::string failure) {
    return [success = std::move(success), failure = std::move(failure)](std::string& out, const std::string& problem) {
        if (problem.empty()) (out += success) += '\n';
        else (((out += problem) += problem.ends_with('\n') ? "" : "\n") += failure) += '\n';
    };
}

// HAProxy puts a dot for what it makes anew.
void say_committing(CommandCall& call, std::string_view name, bool used) {
    call.say(fmt::format("Committing {}{}", name, used ? "." : ""));
}

// ------------------------------------------------------------------------------- certificates

// What a name of "set ssl cert" means: a certificate, or a file that belongs to it.
struct Part {
    enum class What : std::uint8_t { certificate, key, ocsp, issuer, sctl } what = What::certificate;
    std::string name;   // of the certificate
};

constexpr std::pair<std::string_view, Part::What> suffixes[] = {
    {".key", Part::What::key}, {".ocsp", Part::What::ocsp}, {".issuer", Part::What::issuer}, {".sctl", Part::What::sctl}};

// The name under which drafts are kept; empty: there is no such certificate.
std::string known_name(const ir::Config& config, std::string_view name) {
    const auto& drafts = tls_drafts();
    if (drafts.certificates.contains(name) || has(drafts.new_certificates, name)) return std::string(name);
    const auto* identity = find_certificate(config, name);
    return identity ? identity->known_as() : std::string();
}

Part part_of(const ir::Config& config, std::string_view name) {
    if (auto known = known_name(config, name); !known.empty()) return {Part::What::certificate, std::move(known)};
    for (const auto& [suffix, what] : suffixes) {
        if (!name.ends_with(suffix)) continue;
        return {what, known_name(config, name.substr(0, name.size() - suffix.size()))};
    }
    return {};
}

// The draft of that certificate, begun from what is there.
ir::TlsIdentity begin_draft(const ir::Config& config, const std::string& name) {
    const auto& drafts = tls_drafts().certificates;
    if (auto draft = drafts.find(name); draft != drafts.end()) return draft->second;
    if (const auto* known = find_certificate(config, name)) return *known;
    ir::TlsIdentity fresh;
    fresh.base = name;
    return fresh;
}

// A PEM text with a certificate: its chain, and a key if there is one. Empty: done, else what is wrong.
std::string put_certificate(ir::TlsIdentity& draft, std::string_view pem) {
    if (net::describe_certificates(pem).empty()) return "unable to load certificate from the payload";
    const auto path = draft.chain ? draft.chain->path : draft.base;
    const bool apart = draft.key && draft.key->path != path;
    auto key = net::keys_in(pem);
    if (key.empty() && draft.key) key = net::keys_in(draft.key->bytes);
    draft.chain = file_of(path, net::without_keys(pem));
    draft.key = file_of(apart ? draft.key->path : path, std::move(key));
    return {};
}

std::string put_part(ir::TlsIdentity& draft, Part::What what, std::string_view payload) {
    using What = Part::What;
    auto place = [&](const ir::File& old, std::string_view suffix) {
        return old ? old->path : draft.base + std::string(suffix);
    };
    switch (what) {
        case What::certificate: return put_certificate(draft, payload);
        case What::key: {
            auto key = net::keys_in(payload);
            if (key.empty()) return "unable to load the private key from the payload";
            const bool apart = draft.key && draft.chain && draft.key->path != draft.chain->path;
            draft.key = file_of(apart || !draft.chain ? place(draft.key, ".key") : draft.chain->path, std::move(key));
            return {};
        }
        case What::issuer:
            if (net::describe_certificates(payload).empty()) return "unable to load the issuer from the payload";
            draft.issuer = file_of(place(draft.issuer, ".issuer"), std::string(payload));
            return {};
        case What::ocsp: {
            auto der = net::from_base64(payload);
            if (!der) return "the OCSP response is not in base64";
            if (auto problem = net::ocsp_problem(*der, draft); !problem.empty()) return problem;
            draft.ocsp = file_of(place(draft.ocsp, ".ocsp"), std::move(*der));
            return {};
        }
        case What::sctl: {
            auto list = net::from_base64(payload);
            if (!list) return "the list of timestamps is not in base64";
            draft.transparency = file_of(place(draft.transparency, ".sctl"), std::move(*list));
            return {};
        }
    }
    return {};
}

void new_certificate(CommandCall& call) {
    const std::string name(call.word(0));
    if (name.empty()) return call.say("'new ssl cert' expects a filename");
    if (!known_name(*call.around.config, name).empty())
        return call.say(fmt::format("Certificate '{}' already exists!", name));
    tls_drafts().new_certificates.push_back(name);
    call.say(fmt::format("New empty certificate store '{}'!", name));
}

void set_certificate(CommandCall& call) {
    if (call.word(0).empty() || call.payload.empty())
        return call.say("'set ssl cert' expects a filename and a certificate as a payload");
    const auto& config = *call.around.config;
    auto part = part_of(config, call.word(0));
    if (part.name.empty())
        return call.say("Can't replace a certificate which is not referenced by the configuration!\n"
                        "Can't update " + std::string(call.word(0)) + "!");
    auto draft = begin_draft(config, part.name);
    if (auto problem = put_part(draft, part.what, call.payload); !problem.empty())
        return call.say(fmt::format("{}\nCan't update {}!", problem, part.name));
    const bool begun = tls_drafts().certificates.contains(part.name);
    tls_drafts().certificates[part.name] = std::move(draft);
    call.say(fmt::format("Transaction {} for certificate {}!", begun ? "updated" : "created", part.name));
}

// The files of a draft that differ from what is live. The certificate's own file holds the key, too,
// where the key has no file of its own.
std::vector<Amendment> changes_of(const ir::TlsIdentity& draft, const ir::TlsIdentity* live) {
    std::vector<Amendment> changes;
    auto put = [&](const ir::File& file, const ir::File& before, Kind kind = Kind::file) {
        if (file && file != before) changes.push_back({kind, file->path, file->bytes});
    };
    const bool apart = draft.key->path != draft.chain->path;
    const bool replaced = !live || draft.chain != live->chain || draft.key != live->key;
    if (replaced)
        changes.push_back({live ? Kind::file : Kind::certificate, draft.chain->path,
                           net::without_keys(draft.chain->bytes) +
                               (apart ? std::string() : net::keys_in(draft.key->bytes))});
    if (apart && replaced) put(draft.key, live ? live->key : nullptr);
    put(draft.ocsp, live ? live->ocsp : nullptr);
    put(draft.issuer, live ? live->issuer : nullptr);
    put(draft.transparency, live ? live->transparency : nullptr);
    return changes;
}

void commit_certificate(CommandCall& call) {
    auto& drafts = tls_drafts().certificates;
    const auto name = part_of(*call.around.config, call.word(0)).name;
    auto draft = drafts.find(name);
    if (draft == drafts.end())
        return call.say(fmt::format("No ongoing transaction! !\nCan't commit {}!", call.word(0)));
    const auto& identity = draft->second;
    if (!identity.chain || !identity.key || identity.key->bytes.empty())
        return call.say(fmt::format("The transaction must contain at least a certificate and a private key!\n"
                                    "Can't commit {}!", name));
    if (auto problem = net::problem_of(identity); !problem.empty())
        return call.say(fmt::format("{}\nCan't commit {}!", problem, name));
    const auto all = certificates_of(*call.around.config);
    const auto live = all.find(name);
    say_committing(call, name, live != all.end() && live->second.used);
    auto done = tell("Success!", fmt::format("Can't commit {}!", name));
    call.want(changes_of(identity, live != all.end() ? live->second.identity : nullptr),
              [name, done](std::string& out, const std::string& problem) {
                  done(out, problem);
                  if (!problem.empty()) return;
                  tls_drafts().certificates.erase(name);
                  std::erase(tls_drafts().new_certificates, name);
              });
}

void abort_certificate(CommandCall& call) {
    const auto name = part_of(*call.around.config, call.word(0)).name;
    if (tls_drafts().certificates.erase(name) == 0) return call.say("No ongoing transaction!");
    call.say(fmt::format("Transaction aborted for certificate '{}'!", name));
}

void delete_certificate(CommandCall& call) {
    const std::string name(call.word(0));
    auto& fresh = tls_drafts().new_certificates;
    if (std::erase(fresh, name) != 0) {
        tls_drafts().certificates.erase(name);
        return call.say(fmt::format("Certificate '{}' deleted!", name));
    }
    const auto all = certificates_of(*call.around.config);
    auto known = all.find(name);
    if (known == all.end())
        return call.say(fmt::format("Can't remove the certificate: certificate '{}' doesn't exist!", name));
    // A certificate of the configuration that no line uses any more has nothing left to be deleted.
    if (known->second.used)
        return call.say(fmt::format("Can't remove the certificate: certificate '{}' in use, can't be deleted!", name));
    call.want({{Kind::forget, name, {}}},
              tell(fmt::format("Certificate '{}' deleted!", name), "Can't remove the certificate!"));
}

// ----------------------------------------------------------------- authorities and revocations

// CA files and CRL files go the same way.
struct Trust {
    std::string_view noun;   // "CA"
    std::string_view word;   // "ca-file"
    Kind kind;
    std::map<std::string, std::string, std::less<>> TlsDrafts::*drafts;
    std::vector<std::string> TlsDrafts::*fresh;
    std::map<std::string_view, TrustInUse> (*in_use)(const ir::Config&);
    std::vector<std::string> (*describe)(std::string_view pem);
};
constexpr Trust authorities{"CA", "ca-file", Kind::authorities, &TlsDrafts::authorities, &TlsDrafts::new_authorities,
                            authorities_of, net::describe_certificates};
constexpr Trust revocations{"CRL", "crl-file", Kind::revocations, &TlsDrafts::revocations, &TlsDrafts::new_revocations,
                            revocations_of, net::describe_revocations};

template <const Trust& Of>
void new_trust(CommandCall& call) {
    const std::string name(call.word(0));
    if (name.empty()) return call.say(fmt::format("'new ssl {}' expects a filename", Of.word));
    if (has(tls_drafts().*Of.fresh, name) || Of.in_use(*call.around.config).contains(name))
        return call.say(fmt::format("{} file '{}' already exists!", Of.noun, name));
    (tls_drafts().*Of.fresh).push_back(name);
    call.say(fmt::format("New {} file created '{}'!", Of.noun, name));
}

template <const Trust& Of, bool Add>
void set_trust(CommandCall& call) {
    const std::string name(call.word(0));
    if (name.empty() || call.payload.empty())
        return call.say(fmt::format("'set ssl {}' expects a filename and {}s as a payload", Of.word, Of.noun));
    const auto live = Of.in_use(*call.around.config);
    auto known = live.find(name);
    if (known == live.end() && !has(tls_drafts().*Of.fresh, name))
        return call.say(fmt::format("Can't replace a {} file which is not referenced by the configuration!\n"
                                    "Can't update {}!", Of.noun, name));
    if (Of.describe(call.payload).empty())
        return call.say(fmt::format("Invalid payload!\nCan't update {}!", name));
    auto& drafts = tls_drafts().*Of.drafts;
    const bool begun = drafts.contains(name);
    auto& text = drafts[name];
    if (!Add) text.clear();
    else if (!begun && known != live.end()) text = known->second.file->bytes;
    text += call.payload;
    call.say(fmt::format("transaction {} for {} {}!", begun ? "updated" : "created", Of.noun, name));
}

template <const Trust& Of>
void commit_trust(CommandCall& call) {
    const std::string name(call.word(0));
    auto& drafts = tls_drafts().*Of.drafts;
    auto draft = drafts.find(name);
    if (draft == drafts.end()) return call.say(fmt::format("No ongoing transaction! !\nCan't commit {}!", name));
    const auto all = Of.in_use(*call.around.config);
    const auto live = all.find(name);
    const bool is_new = live == all.end();
    say_committing(call, name, !is_new && live->second.used);
    auto done = tell("Success!", fmt::format("Can't commit {}!", name));
    call.want({{is_new ? Of.kind : Kind::file, name, draft->second}},
              [name, done](std::string& out, const std::string& problem) {
                  done(out, problem);
                  if (!problem.empty()) return;
                  (tls_drafts().*Of.drafts).erase(name);
                  std::erase(tls_drafts().*Of.fresh, name);
              });
}

template <const Trust& Of>
void abort_trust(CommandCall& call) {
    const std::string name(call.word(0));
    if ((tls_drafts().*Of.drafts).erase(name) == 0) return call.say("No ongoing transaction!");
    call.say(fmt::format("Transaction aborted for certificate '{}'!", name));
}

template <const Trust& Of>
void delete_trust(CommandCall& call) {
    const std::string name(call.word(0));
    const auto success = fmt::format("{} file '{}' deleted!", Of.noun, name);
    if (std::erase(tls_drafts().*Of.fresh, name) != 0) {
        (tls_drafts().*Of.drafts).erase(name);
        return call.say(success);
    }
    const auto all = Of.in_use(*call.around.config);
    auto known = all.find(name);
    const auto refuse = [&](std::string_view why) {
        call.say(fmt::format("Can't remove the {0} file: {0} file '{1}' {2}!", Of.noun, name, why));
    };
    if (known == all.end()) return refuse("doesn't exist");
    if (known->second.used) return refuse("in use, can't be deleted");
    call.want({{Kind::forget, name, {}}}, tell(success, "Can't delete it!"));
}

// ----------------------------------------------------------------------- lists of certificates

const ir::TlsList* find_list(const ir::Config& config, std::string_view path) {
    auto trimmed = path;
    while (trimmed.size() > 1 && trimmed.ends_with('/')) trimmed.remove_suffix(1);
    for (const auto& one : config.tls_lists)
        if (one.path == path || one.path == trimmed) return &one;
    return nullptr;
}

// The certificate that a line begins with.
std::string_view first_word(std::string_view line) {
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    return line.substr(0, line.find_first_of(" \t\r\n["));
}

void add_to_list(CommandCall& call) {
    const auto path = call.word(0);
    const auto& config = *call.around.config;
    const auto* list = find_list(config, path);
    std::string line(call.payload.empty() ? call.word(1) : call.payload);
    while (line.ends_with('\n') || line.ends_with('\r')) line.pop_back();
    if (path.empty() || line.empty()) return call.say("'add ssl crtlist' expects a filename and a certificate name");
    if (line.find('\n') != line.npos) return call.say("Can't edit the crt-list: only one line is supported in the payload!");
    if (!list) return call.say(fmt::format("Can't edit the crt-list: crt-list '{}' does not exist!", path));
    // Only what is known already: a file of the machine is not read for it.
    const auto wanted = first_word(line);
    const auto all = certificates_of(config);
    const bool known = std::any_of(all.begin(), all.end(), [&](const auto& one) {
        return one.first == wanted ||
               (!wanted.starts_with('/') && one.first.ends_with("/" + std::string(wanted)));
    });
    if (!known) return call.say(fmt::format("Can't edit the crt-list: certificate '{}' does not exist!", wanted));
    if (!list->content) return call.say("Can't edit the crt-list: a folder cannot be changed here yet!");
    auto text = list->content->bytes;
    if (!text.empty() && !text.ends_with('\n')) text += '\n';
    text += line + "\n";
    call.out += fmt::format("Inserting certificate '{}' in crt-list '{}'.\n", wanted, list->path);
    call.want({{Kind::file, list->content->path, std::move(text)}}, tell("Success!", "Can't edit the crt-list!"));
}

// del ssl crt-list LIST CERTIFICATE[:LINE]. The line is emptied: the numbers of the others stay.
void delete_from_list(CommandCall& call) {
    const auto path = call.word(0);
    auto entry = call.word(1);
    if (path.empty() || entry.empty()) return call.say("'del ssl crtlist' expects a filename and a certificate name");
    const auto* list = find_list(*call.around.config, path);
    if (!list) return call.say(fmt::format("Can't delete the entry: crt-list '{}' does not exist!", path));
    unsigned wanted_line = 0;
    if (auto colon = entry.rfind(':'); colon != entry.npos && colon + 1 < entry.size() &&
                                       entry.find_first_not_of("0123456789", colon + 1) == entry.npos) {
        wanted_line = static_cast<unsigned>(std::stoul(std::string(entry.substr(colon + 1))));
        entry = entry.substr(0, colon);
    }
    auto line = std::find_if(list->lines.begin(), list->lines.end(), [&](const auto& one) {
        return one.certificate == entry && (wanted_line == 0 || one.number == wanted_line);
    });
    if (line == list->lines.end())
        return call.say(fmt::format("Can't delete the entry: certificate '{}' does not exist in {}!", entry, path));
    const auto others = std::count_if(list->lines.begin(), list->lines.end(),
                                      [&](const auto& one) { return one.certificate == entry; });
    if (wanted_line == 0 && others > 1)
        return call.say("Can't delete the entry: multiple entries have the name, add the line number!");
    if (!list->content) return call.say("Can't delete the entry: a folder cannot be changed here yet!");
    std::string text;
    std::string_view rest = list->content->bytes;
    for (unsigned number = 1; !rest.empty(); ++number) {
        const auto end = std::min(rest.find('\n'), rest.size());
        if (number != line->number) text += rest.substr(0, end);
        text += '\n';
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    std::vector<Amendment> changes{{Kind::file, list->content->path, std::move(text)}};
    keep_certificate(*call.around.config, entry, changes);
    call.want(std::move(changes),
              tell(fmt::format("Entry '{}' deleted in crtlist '{}'!", entry, list->path), "Can't delete the entry!"));
}

// --------------------------------------------------------------------------------------- OCSP

void set_response(CommandCall& call) {
    auto der = net::from_base64(call.payload.empty() ? call.word(0) : call.payload);
    if (!der) return call.say("'set ssl ocsp-response' received invalid base64 encoded response.");
    const auto key = net::ocsp_key_of_response(*der);
    std::vector<Amendment> changes;
    std::string problem = "OCSP single response: Certificate ID does not match any certificate or issuer.";
    for (const auto& [name, one] : certificates_of(*call.around.config)) {
        const auto& identity = *one.identity;
        if (key.empty() || net::ocsp_key(identity) != key) continue;
        problem = net::ocsp_problem(*der, identity);
        if (!problem.empty()) break;
        changes.push_back({Kind::file, identity.ocsp ? identity.ocsp->path : identity.base + ".ocsp", *der});
    }
    if (!problem.empty()) return call.say(problem);
    call.want(std::move(changes), tell("OCSP Response updated!", "The OCSP response was not updated!"));
}

constexpr filter::Command rows[] = {
    {"abort ssl ca-file", "<cafile>", "give up the draft of a CA file", Level::admin, abort_trust<authorities>},
    {"abort ssl cert", "<certfile>", "give up the draft of a certificate", Level::admin, abort_certificate},
    {"abort ssl crl-file", "<crlfile>", "give up the draft of a CRL file", Level::admin, abort_trust<revocations>},
    {"add ssl ca-file", "<cafile> <payload>", "add certificates to the draft of a CA file", Level::admin,
     set_trust<authorities, true>},
    {"add ssl crt-list", "<list> <cert> | <payload>", "add a line to a list of certificates", Level::admin, add_to_list},
    {"commit ssl ca-file", "<cafile>", "make the draft of a CA file live", Level::admin, commit_trust<authorities>},
    {"commit ssl cert", "<certfile>", "make the draft of a certificate live", Level::admin, commit_certificate},
    {"commit ssl crl-file", "<crlfile>", "make the draft of a CRL file live", Level::admin, commit_trust<revocations>},
    {"del ssl ca-file", "<cafile>", "forget a CA file that is not in use", Level::admin, delete_trust<authorities>},
    {"del ssl cert", "<certfile>", "forget a certificate that is not in use", Level::admin, delete_certificate},
    {"del ssl crl-file", "<crlfile>", "forget a CRL file that is not in use", Level::admin, delete_trust<revocations>},
    {"del ssl crt-list", "<list> <certfile[:line]>", "remove a line from a list of certificates", Level::admin,
     delete_from_list},
    {"new ssl ca-file", "<cafile>", "make an empty CA file", Level::admin, new_trust<authorities>},
    {"new ssl cert", "<certfile>", "make an empty certificate", Level::admin, new_certificate},
    {"new ssl crl-file", "<crlfile>", "make an empty CRL file", Level::admin, new_trust<revocations>},
    {"set ssl ca-file", "<cafile> <payload>", "draft a CA file", Level::admin, set_trust<authorities, false>},
    {"set ssl cert", "<certfile> <payload>", "draft a certificate, or a file beside it", Level::admin, set_certificate},
    {"set ssl crl-file", "<crlfile> <payload>", "draft a CRL file", Level::admin, set_trust<revocations, false>},
    {"set ssl ocsp-response", "<response|payload>", "replace the OCSP response of a certificate", Level::admin,
     set_response},
};

}  // namespace

filter::Commands tls_commands() { return rows; }

}  // namespace weir::warden
