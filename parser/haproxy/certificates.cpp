// SPDX-License-Identifier: Apache-2.0
// The certificates of a bind line: files, folders, bundles of one per type of key, lists with names and
// rules, and the files that stand beside them (.key, .ocsp, .issuer, .sctl).
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "parser/haproxy/bind_tls.hpp"
#include "parser/haproxy/scope.hpp"

namespace weir::haproxy {

namespace {

std::string full_path(std::string_view path, const std::string& base) {
    if (base.empty() || path.starts_with('/') || path.starts_with('@')) return std::string(path);
    return base + (base.ends_with('/') ? "" : "/") + std::string(path);
}

bool has_key(const ir::FileContent& file) { return file.bytes.find("PRIVATE KEY-----") != std::string::npos; }

class Certificates {
public:
    Certificates(Scope& scope, const BindTlsWords& words, const ir::Shared<ir::TlsProfile>& rules)
        : scope_(scope), words_(words), rules_(rules), defaults_(scope.load.bind_tls) {}

    std::vector<ir::ListenerTls::Entry> all() {
        for (const auto& one : words_.certificates) {
            default_ = one.is_default;
            if (one.list)
                add_list(one);
            else
                add(full_path(one.path, defaults_.certificate_base), one.span, {}, rules_, true);
        }
        return std::move(entries_);
    }

private:
    ir::File find(const std::string& path) {
        auto file = scope_.load.tls_files.read(scope_.sources, path);
        return file ? *file : nullptr;
    }

    // A file, a folder, or the base name of a bundle.
    void add(const std::string& path, Span span, std::vector<std::string> names,
             const ir::Shared<ir::TlsProfile>& rules, bool folder_allowed) {
        auto bytes = scope_.sources.read(path, Purpose::secret);
        if (bytes || bytes.error().left_out()) return add_file(path, span, std::move(names), rules);
        if (bytes.error().code == EISDIR && folder_allowed) return add_folder(path, span);
        if (defaults_.extra.bundle && add_bundle(path, span, names, rules)) return;
        scope_.error(span, "cannot-load",
                     fmt::format("unable to load the certificate file \"{}\": {}", path, bytes.error().text));
    }

    void add_folder(const std::string& path, Span span) {
        auto files = scope_.sources.glob(path + (path.ends_with('/') ? "*" : "/*"));
        if (!files || files->empty())
            return scope_.error(span, "cannot-load", fmt::format("there is no certificate in the folder \"{}\"", path));
        for (const auto& file : *files) {
            bool beside = std::any_of(std::begin(reserved), std::end(reserved),
                                      [&](std::string_view one) { return file.ends_with(one); });
            if (beside) continue;
            auto bytes = scope_.sources.read(file, Purpose::secret);
            if (!bytes && bytes.error().code == EISDIR) continue;
            add_file(file, span, {}, rules_);
        }
    }

    bool add_bundle(const std::string& path, Span span, const std::vector<std::string>& names,
                    const ir::Shared<ir::TlsProfile>& rules) {
        ir::ListenerTls::Entry entry{{}, names, rules, default_};
        for (std::string_view type : {".rsa", ".ecdsa", ".dsa"}) {
            auto one = path + std::string(type);
            if (!find(one)) continue;
            if (auto identity = load(one, span)) entry.identities.push_back(std::move(*identity));
        }
        if (entry.identities.empty()) return false;
        entries_.push_back(std::move(entry));
        return true;
    }

    void add_file(const std::string& path, Span span, std::vector<std::string> names,
                  const ir::Shared<ir::TlsProfile>& rules) {
        if (auto identity = load(path, span))
            entries_.push_back({{std::move(*identity)}, std::move(names), rules, default_});
    }

    std::optional<ir::TlsIdentity> load(const std::string& path, Span span) {
        ir::TlsIdentity identity;
        identity.chain = identity.key = find(path);
        identity.chain_span = identity.key_span = span;
        if (!identity.chain) return std::nullopt;
        auto base = path;
        if (defaults_.cut_extension && base.ends_with(".crt")) base.resize(base.size() - 4);
        const auto& extra = defaults_.extra;
        if (!identity.chain->left_out && !has_key(*identity.chain)) {
            identity.key = extra.key ? find(base + ".key") : nullptr;
            if (!identity.key) {
                scope_.error(span, "no-key", fmt::format("no private key found in \"{}\"", path),
                             fmt::format("put it into the file, or into \"{}.key\"", base));
                return std::nullopt;
            }
        }
        if (extra.ocsp) identity.ocsp = find(base + ".ocsp");
        if (extra.sctl) identity.transparency = find(base + ".sctl");
        return identity;
    }

    void add_list(const BindTlsWords::Named& list) {
        auto file = scope_.sources.read(list.path, Purpose::content);
        if (!file) {
            if (!file.error().left_out())
                scope_.error(list.span, "cannot-load",
                             fmt::format("cannot open the list \"{}\": {}", list.path, file.error().text));
            return;
        }
        std::string_view rest = *file;
        for (unsigned line = 1; !rest.empty(); ++line) {
            auto end = std::min(rest.find('\n'), rest.size());
            add_line(list, rest.substr(0, end), line);
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
    }

    // file [rules] names
    void add_line(const BindTlsWords::Named& list, std::string_view text, unsigned line) {
        std::vector<std::string_view> before, names, in_brackets;
        bool inside = false, seen = false;
        auto* words = &before;
        for (std::size_t at = 0; at < text.size();) {
            if (text[at] == ' ' || text[at] == '\t' || text[at] == '\r') {
                ++at;
                continue;
            }
            if (text[at] == '#' && before.empty() && !seen) return;
            if (text[at] == '[' && !seen) {
                inside = seen = true;
                words = &in_brackets;
                ++at;
                continue;
            }
            if (text[at] == ']' && inside) {
                inside = false;
                words = &names;
                ++at;
                continue;
            }
            auto end = at;
            while (end < text.size() && text[end] != ' ' && text[end] != '\t' && text[end] != '\r' &&
                   !(inside && text[end] == ']') && !(text[end] == '[' && !seen))
                ++end;
            words->push_back(text.substr(at, end - at));
            at = end;
        }
        if (before.empty()) return;
        if (inside)
            return scope_.error(list.span, "bad-list", fmt::format("{}:{}: \"[\" without \"]\"", list.path, line));
        if (!seen) names.assign(before.begin() + 1, before.end());
        add(full_path(before[0], defaults_.certificate_base), list.span, lower(names), rules_of(in_brackets, list),
            true);
    }

    static std::vector<std::string> lower(const std::vector<std::string_view>& words) {
        std::vector<std::string> names;
        for (auto one : words) {
            auto& name = names.emplace_back(one);
            for (char& c : name)
                if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
        }
        return names;
    }

    // What brackets say goes over what the line says.
    ir::Shared<ir::TlsProfile> rules_of(const std::vector<std::string_view>& words, const BindTlsWords::Named& list) {
        if (words.empty()) return rules_;
        BindTlsWords inner = words_;
        std::vector<Argument> arguments;
        for (auto word : words) arguments.push_back({.text = word, .span = list.span});
        auto* outer = std::exchange(scope_.bind_tls, &inner);
        lower_options(scope_, arguments, in::crt_list);
        scope_.bind_tls = outer;
        ir::Shared<ir::TlsProfile> rules = rules_;
        rules.edit() = profile_of(inner, defaults_);
        return rules;
    }

    static constexpr std::string_view reserved[] = {".key", ".issuer", ".ocsp", ".sctl"};
    Scope& scope_;
    const BindTlsWords& words_;
    const ir::Shared<ir::TlsProfile>& rules_;
    const BindTlsDefaults& defaults_;
    std::vector<ir::ListenerTls::Entry> entries_;
    bool default_ = false;
};

}  // namespace

ir::File tls_file(Scope& scope, std::string_view path, const std::string& base, Span span,
                  std::string_view what) {
    auto file = scope.load.tls_files.read(scope.sources, full_path(path, base));
    if (file) return *file;
    scope.error(span, "cannot-load", fmt::format("unable to load the {} \"{}\": {}", what, path, file.error()));
    return nullptr;
}

std::vector<ir::ListenerTls::Entry> load_certificates(Scope& scope, const BindTlsWords& words,
                                                      const ir::Shared<ir::TlsProfile>& rules) {
    return Certificates(scope, words, rules).all();
}

}  // namespace weir::haproxy
