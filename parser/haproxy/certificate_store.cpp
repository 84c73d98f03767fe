// SPDX-License-Identifier: Apache-2.0
#include "parser/haproxy/certificate_store.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "parser/haproxy/address.hpp"
#include "parser/haproxy/lower.hpp"
#include "parser/haproxy/rows.hpp"
#include "parser/haproxy/tables_own.hpp"

namespace weir::haproxy {

namespace {

using keyword::path;
using keyword::word;

bool has_key(const ir::FileContent& file) { return file.bytes.find("PRIVATE KEY-----") != std::string::npos; }

ir::File read(Scope& scope, const std::string& path) {
    auto file = scope.load.tls_files.read(scope.sources, path);
    return file ? *file : nullptr;
}

// One certificate on its way from its files.
class Loading {
public:
    Loading(Scope& scope, const std::string& name, Span span, const CertificateWords& words)
        : scope_(scope), store_(scope.load.certificates), span_(span), words_(words) {
        const auto chain = words.crt.empty() ? name : full_path(words.crt, crt_base());
        identity_.name = name == chain ? std::string() : name;
        identity_.base = chain;
        if (scope.load.bind_tls.cut_extension && chain.ends_with(".crt")) identity_.base.resize(chain.size() - 4);
        identity_.chain_span = identity_.key_span = span;
        identity_.chain = must_read(chain, "certificate file");
    }

    std::optional<ir::TlsIdentity> take() {
        if (!identity_.chain || !find_key()) return std::nullopt;
        const auto& extra = scope_.load.bind_tls.extra;
        identity_.ocsp = beside(words_.ocsp, ".ocsp", extra.ocsp, "OCSP response");
        identity_.issuer = beside(words_.issuer, ".issuer", extra.issuer, "certificate of the issuer");
        identity_.transparency = beside(words_.sctl, ".sctl", extra.sctl, "list of timestamps");
        identity_.completions = store_.completions;
        const bool updates = !store_.never_updates && words_.ocsp_update.value_or(store_.ocsp_update);
        // Who has a response may have it renewed over the runtime socket, too.
        if (updates || identity_.ocsp) identity_.status = store_.rules(updates);
        return std::move(identity_);
    }

private:
    [[nodiscard]] const std::string& crt_base() const {
        return store_.certificate_base.empty() ? scope_.load.bind_tls.certificate_base : store_.certificate_base;
    }

    ir::File must_read(const std::string& path, std::string_view what) {
        auto file = scope_.load.tls_files.read(scope_.sources, path);
        if (file) return *file;
        scope_.error(span_, "cannot-load", fmt::format("unable to load the {} \"{}\": {}", what, path, file.error().text));
        return nullptr;
    }

    // The key that is named counts, then the one in the file, then the one beside it.
    bool find_key() {
        if (!words_.key.empty()) {
            const auto& base = store_.key_base.empty() ? scope_.load.bind_tls.key_base : store_.key_base;
            identity_.key = must_read(full_path(words_.key, base), "private key");
            return identity_.key != nullptr;
        }
        identity_.key = identity_.chain;
        if (identity_.chain->left_out || has_key(*identity_.chain)) return true;
        identity_.key = beside({}, ".key", scope_.load.bind_tls.extra.key, "private key");
        if (identity_.key) return true;
        scope_.error(span_, "no-key", fmt::format("no private key found in \"{}\"", identity_.chain->path),
                     fmt::format("put it into the file, or into \"{}.key\"", identity_.base));
        return false;
    }

    // A file by the name that was given, else the one beside the certificate. What was brought at run time
    // counts although nobody looks for such files otherwise (ssl-load-extra-files).
    ir::File beside(const std::string& given, std::string_view suffix, bool wanted, std::string_view what) {
        if (!given.empty()) return must_read(full_path(given, crt_base()), what);
        const auto path = identity_.base + std::string(suffix);
        return wanted || scope_.sources.changed(path) ? read(scope_, path) : nullptr;
    }

    Scope& scope_;
    CertificateStore& store_;
    Span span_;
    const CertificateWords& words_;
    ir::TlsIdentity identity_;
};

// What one use of a certificate says against another; empty: they agree. A crt-store says it for all.
std::string_view clash(const CertificateStore& store, const CertificateStore::Known& known,
                       const CertificateWords& words) {
    const auto said = [&](const std::string& here) { return !known.of_section || !here.empty(); };
    if (said(words.key) && words.key != known.words.key) return "key";
    if (said(words.ocsp) && words.ocsp != known.words.ocsp) return "ocsp";
    if (said(words.issuer) && words.issuer != known.words.issuer) return "issuer";
    if (said(words.sctl) && words.sctl != known.words.sctl) return "sctl";
    const bool here = words.ocsp_update.value_or(store.ocsp_update);
    const bool there = known.words.ocsp_update.value_or(store.ocsp_update);
    return (!known.of_section || words.ocsp_update) && here != there ? "ocsp-update" : "";
}

}  // namespace

std::string full_path(std::string_view path, const std::string& base) {
    if (base.empty() || path.starts_with('/') || path.starts_with('@')) return std::string(path);
    return base + (base.ends_with('/') ? "" : "/") + std::string(path);
}

const ir::Shared<ir::OcspRules>& CertificateStore::rules(bool updates) {
    auto& made = updates ? asked : only_when_told;
    if (made->on) return made;
    auto& rules = made.edit();
    rules = ocsp;
    rules.on = rules.shows_revoked = true;
    rules.only_when_told = !updates;
    rules.names.of_system = true;
    rules.retry = rules.soonest;
    return made;
}

bool knows_certificate(const Scope& scope, std::string_view name) {
    return name.starts_with('@') || scope.load.certificates.known.contains(name);
}

const ir::TlsIdentity* find_certificate(Scope& scope, const std::string& name, Span span,
                                        const CertificateWords& words) {
    auto& store = scope.load.certificates;
    auto found = store.known.find(name);
    if (found == store.known.end()) {
        if (name.starts_with('@') && words.crt.empty()) {
            scope.error(span, "unknown-certificate", fmt::format("no crt-store before this line has \"{}\"", name));
            return nullptr;
        }
        auto identity = Loading(scope, name, span, words).take();
        if (!identity) return nullptr;
        found = store.known.emplace(name, CertificateStore::Known{std::move(*identity), words}).first;
    } else if (auto what = clash(store, found->second, words); !what.empty()) {
        scope.error(span, "certificate-clash",
                    fmt::format("\"{}\" is used elsewhere with a different parameter '{}'", name, what));
        return nullptr;
    }
    return &found->second.identity;
}

void keep_stored(Scope& scope) {
    const auto& ocsp = scope.load.certificates.ocsp;
    if (ocsp.latest < ocsp.soonest)
        scope.error(scope.load.certificates.delays_at, "invalid-value",
                    fmt::format("ocsp-update.mindelay ({} s) is above ocsp-update.maxdelay ({} s)", ocsp.soonest.count(),
                                ocsp.latest.count()));
    auto& stored = scope.config.tls_stored;
    for (const auto& [name, known] : scope.load.certificates.known)
        if (known.of_section) stored.identities.push_back(known.identity);
    for (const auto& [path, kind] : scope.sources.stored()) {
        using Kind = Amendment::Kind;
        if (kind == Kind::certificate) {
            auto& all = scope.load.certificates.known;
            auto used = all.find(path);
            const auto* identity = used != all.end() ? &used->second.identity : find_certificate(scope, path, {}, {});
            if (identity) stored.identities.push_back(*identity);
        } else if (auto file = read(scope, path)) {
            (kind == Kind::authorities ? stored.authorities : stored.revocations).push_back(std::move(file));
        }
    }
}

// ---------------------------------------------------------------------------------- crt-store

void Lowering::run_certificates(const ast::Section& section) {
    auto head = arguments_of(section.head);
    auto& store = load_.certificates;
    store.name = head.size() > 1 ? std::string(head[1].text) : std::string();
    if (head.size() > 2)
        scope_.error(head[2].span, "unexpected-argument",
                     fmt::format("unexpected \"{}\" after the name of the crt-store", head[2].text));
    run_lines(section, in::crt_store);
    store.name.clear();
    store.certificate_base.clear();
    store.key_base.clear();
}

namespace {

CertificateStore& store_of(keyword::Scope& scope) { return own(scope).load.certificates; }
CertificateWords& words_of(keyword::Scope& scope) { return own(scope).bind_tls->certificate; }

template <auto Member>
void set_base(keyword::Scope& scope, const Call& call) {
    store_of(scope).*Member = std::string(call[0].text);
}
template <auto Member>
void set_file(keyword::Scope& scope, const Call& call) {
    words_of(scope).*Member = std::string(call[0].text);
}
void lower_update(keyword::Scope& scope, const Call& call) { words_of(scope).ocsp_update = call[0].text == "on"; }

// "@store/name", or in a store without a name "@/alias" and the path itself.
std::string name_of(const Scope& scope, const CertificateWords& words) {
    const auto& store = scope.load.certificates;
    if (!words.alias.empty()) return "@" + store.name + "/" + words.alias;
    if (!store.name.empty()) return "@" + store.name + "/" + words.crt;
    return full_path(words.crt,
                     store.certificate_base.empty() ? scope.load.bind_tls.certificate_base : store.certificate_base);
}

void lower_load(keyword::Scope& scope, const Call& call) {
    auto& here = own(scope);
    BindTlsWords words;
    auto* outer = std::exchange(here.bind_tls, &words);
    lower_options(here, call.args, in::crt_load);
    here.bind_tls = outer;
    if (words.certificate.crt.empty())
        return scope.error(call.span, "missing-value", "this load line names no certificate", "add crt FILE");
    const auto name = name_of(here, words.certificate);
    if (store_of(scope).known.contains(name))
        return scope.error(call.span, "duplicate-name", fmt::format("\"{}\" is loaded already", name));
    if (!find_certificate(here, name, call.span, words.certificate)) return;
    store_of(scope).known.find(name)->second.of_section = true;
}

// Each file of the folder may complete the chain of any certificate.
void lower_chains(keyword::Scope& scope, const Call& call) {
    auto& here = own(scope);
    const std::string folder(call[0].text);
    auto paths = here.sources.glob(folder + (folder.ends_with('/') ? "*" : "/*"));
    auto files = std::make_shared<std::vector<ir::File>>();
    if (paths)
        for (const auto& one : *paths)
            if (auto file = read(here, one)) files->push_back(std::move(file));
    if (files->empty())
        return scope.error(call[0].span, "cannot-load", fmt::format("there is no file in the folder \"{}\"", folder));
    store_of(scope).completions = std::move(files);
}

// ------------------------------------------------------------------------------- ocsp-update.*

// Without a word it is on.
template <auto Member>
void set_mode(keyword::Scope& scope, const Call& call) {
    store_of(scope).*Member = call.size() == 0 || call[0].text == "on";
}
template <auto Member>
void set_delay(keyword::Scope& scope, const Call& call) {
    auto& store = store_of(scope);
    store.ocsp.*Member = std::chrono::seconds(call[0].number);
    store.delays_at = call.span;
}
void lower_proxy(keyword::Scope& scope, const Call& call) {
    auto address = parse_address(call[0].text);
    if (!address || address->kind != Address::Kind::inet || address->any || address->offset)
        return scope.error(call[0].span, "invalid-value",
                           fmt::format("\"{}\" is no address of an HTTP proxy", call[0].text),
                           "an address such as 192.0.2.1:3128");
    auto& endpoint = address->endpoint;
    if (endpoint.port == 0) endpoint.port = 80;
    store_of(scope).ocsp.proxy =
        address->host.empty() ? ir::to_string(endpoint) : fmt::format("{}:{}", address->host, endpoint.port);
}

constexpr Keyword row(std::string_view name, Contexts where, keyword::Signature args, keyword::Apply apply,
                      std::string_view summary) {
    return {.name = name, .where = where, .args = args, .apply = apply, .since = "3.x", .summary = summary};
}

using W = CertificateWords;
constexpr Contexts with = in::crt_load | in::crt_list;
constexpr keyword::Signature file_arg = {path("file")};
constexpr keyword::Signature switch_arg = {keyword::choice("on|off")};
constexpr keyword::Signature maybe_switch_arg = {keyword::opt(keyword::choice("on|off"))};
constexpr keyword::Signature seconds_arg = {keyword::number("seconds", 1, 1 << 30)};

constexpr auto rows = sorted({
    row("alias", in::crt_load, {word("name")}, set_file<&W::alias>, "Gives the certificate a name."),
    row("crt", with, file_arg, set_file<&W::crt>, "Names the file of the certificate."),
    row("crt-base", in::crt_store, {path("folder")}, set_base<&CertificateStore::certificate_base>,
        "Sets the folder of certificate files."),
    row("issuer", with, file_arg, set_file<&W::issuer>, "Names the file with the certificate of the issuer."),
    row("issuers-chain-path", in::global, {path("folder")}, lower_chains,
        "Names a folder of chains for certificates that come without."),
    row("key", with, file_arg, set_file<&W::key>, "Names the file of the private key."),
    row("key-base", in::crt_store, {path("folder")}, set_base<&CertificateStore::key_base>,
        "Sets the folder of key files."),
    row("load", in::crt_store, {keyword::many(word("option"))}, lower_load, "Loads a certificate."),
    row("ocsp", with, file_arg, set_file<&W::ocsp>, "Names the file of an OCSP response."),
    row("ocsp-update", with, switch_arg, lower_update, "Asks the responder of the certificate again and again."),
    row("ocsp-update.disable", in::global, maybe_switch_arg, set_mode<&CertificateStore::never_updates>,
        "Asks no responder, whatever else is said."),
    row("ocsp-update.mode", in::global, maybe_switch_arg, set_mode<&CertificateStore::ocsp_update>,
        "Whether responders are asked where a certificate does not say."),
    row("ocsp-update.httpproxy", in::global, {keyword::address("address[:port]")}, lower_proxy,
        "Sets the HTTP proxy through which responders are asked."),
    row("ocsp-update.maxdelay", in::global, seconds_arg, set_delay<&ir::OcspRules::latest>,
        "Longest time between two questions about one certificate."),
    row("ocsp-update.mindelay", in::global, seconds_arg, set_delay<&ir::OcspRules::soonest>,
        "Shortest time between two questions about one certificate."),
    row("sctl", with, file_arg, set_file<&W::sctl>, "Names the file of signed certificate timestamps."),
    row("tune.ssl.ocsp-update.maxdelay", in::global, seconds_arg, set_delay<&ir::OcspRules::latest>,
        "The name of ocsp-update.maxdelay before HAProxy 3.0."),
    row("tune.ssl.ocsp-update.mindelay", in::global, seconds_arg, set_delay<&ir::OcspRules::soonest>,
        "The name of ocsp-update.mindelay before HAProxy 3.0."),
});
static_assert(keyword::well_formed(rows));

}  // namespace

keyword::Table certificate_table() { return rows; }

}  // namespace weir::haproxy
