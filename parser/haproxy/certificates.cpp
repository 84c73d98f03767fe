// SPDX-License-Identifier: Apache-2.0
// The certificates of a bind line: files, folders, bundles of one per type of key, lists with names and
// rules.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "parser/haproxy/bind_tls.hpp"
#include "parser/haproxy/certificate_store.hpp"
#include "parser/haproxy/scope.hpp"

namespace weir::haproxy {

namespace {

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
                add(full_path(one.path, defaults_.certificate_base), one.span, {}, rules_, {});
        }
        return std::move(entries_);
    }

private:
    // A name of a store, a file, a folder, or the base name of a bundle.
    void add(const std::string& path, Span span, std::vector<std::string> names,
             const ir::Shared<ir::TlsProfile>& rules, const CertificateWords& words) {
        if (knows_certificate(scope_, path)) return add_one(path, span, std::move(names), rules, words);
        auto file = scope_.load.tls_files.read(scope_.sources, path);
        if (file) return add_one(path, span, std::move(names), rules, words);
        if (file.error().code == EISDIR) return add_folder(path, span, words);
        if (defaults_.extra.bundle && add_bundle(path, span, names, rules, words)) return;
        scope_.error(span, "cannot-load",
                     fmt::format("unable to load the certificate file \"{}\": {}", path, file.error().text));
    }

    void add_folder(const std::string& path, Span span, const CertificateWords& words) {
        auto files = scope_.sources.glob(path + (path.ends_with('/') ? "*" : "/*"));
        if (!files || files->empty())
            return scope_.error(span, "cannot-load", fmt::format("there is no certificate in the folder \"{}\"", path));
        auto& list = list_of(path);
        const bool fresh = list.lines.empty();
        for (const auto& file : *files) {
            bool beside = std::any_of(std::begin(reserved), std::end(reserved),
                                      [&](std::string_view one) { return file.ends_with(one); });
            if (beside) continue;
            auto bytes = scope_.load.tls_files.read(scope_.sources, file);
            if (!bytes && bytes.error().code == EISDIR) continue;
            add_one(file, span, {}, rules_, words);
            if (fresh) list.lines.push_back({file, {}, {}, static_cast<unsigned>(list.lines.size() + 1)});
        }
    }

    bool add_bundle(const std::string& path, Span span, const std::vector<std::string>& names,
                    const ir::Shared<ir::TlsProfile>& rules, const CertificateWords& words) {
        ir::ListenerTls::Entry entry{{}, names, rules, default_ || names_default(names)};
        for (std::string_view type : {".rsa", ".ecdsa", ".dsa"}) {
            auto one = path + std::string(type);
            if (!knows_certificate(scope_, one) && !scope_.load.tls_files.read(scope_.sources, one)) continue;
            if (const auto* identity = find_certificate(scope_, one, span, words)) entry.identities.push_back(*identity);
        }
        if (entry.identities.empty()) return false;
        entries_.push_back(std::move(entry));
        return true;
    }

    void add_one(const std::string& name, Span span, std::vector<std::string> names,
                 const ir::Shared<ir::TlsProfile>& rules, const CertificateWords& words) {
        const bool is_default = default_ || names_default(names);
        if (const auto* identity = find_certificate(scope_, name, span, words))
            entries_.push_back({{*identity}, std::move(names), rules, is_default});
    }

    // "*" as a filter says that the certificate is for those who ask for no known name.
    static bool names_default(const std::vector<std::string>& names) {
        return std::find(names.begin(), names.end(), "*") != names.end();
    }

    ir::TlsList& list_of(const std::string& path) {
        auto& lists = scope_.config.tls_lists;
        auto known = std::find_if(lists.begin(), lists.end(), [&](const auto& one) { return one.path == path; });
        if (known != lists.end()) return *known;
        auto& made = lists.emplace_back();
        made.path = path;
        return made;
    }

    void add_list(const BindTlsWords::Named& named) {
        auto file = scope_.load.tls_files.read(scope_.sources, named.path);
        if (!file)
            return scope_.error(named.span, "cannot-load",
                                fmt::format("cannot open the list \"{}\": {}", named.path, file.error().text));
        auto& list = list_of(named.path);
        const bool fresh = !list.content;
        list.content = *file;
        std::string_view rest = (*file)->bytes;
        for (unsigned number = 1; !rest.empty(); ++number) {
            auto end = std::min(rest.find('\n'), rest.size());
            auto text = rest.substr(0, end);
            rest.remove_prefix(std::min(end + 1, rest.size()));
            auto line = cut_line(text);
            if (line.certificate.empty()) continue;
            if (!line.closed) {
                scope_.error(named.span, "bad-list", fmt::format("{}:{}: \"[\" without \"]\"", named.path, number));
                continue;
            }
            const auto name = full_path(line.certificate, defaults_.certificate_base);
            if (fresh) list_of(named.path).lines.push_back({name, joined(line.options), joined(line.names), number});
            CertificateWords words;
            auto rules = rules_of(line.options, named, words);
            add(name, named.span, lower(line.names), rules, words);
        }
    }

    // certificate [options] names
    struct CutLine {
        std::string_view certificate;
        std::vector<std::string_view> options, names;
        bool closed = true;
    };
    static CutLine cut_line(std::string_view text) {
        CutLine line;
        std::vector<std::string_view> before;
        bool seen = false;
        auto* words = &before;
        for (std::size_t at = 0; at < text.size();) {
            const char c = text[at];
            const bool inside = words == &line.options;
            const bool opens = c == '[' && !seen, closes = c == ']' && inside;
            if (opens || closes) {
                seen = true;
                words = opens ? &line.options : &line.names;
                line.closed = closes;
            }
            if (opens || closes || c == ' ' || c == '\t' || c == '\r') {
                ++at;
                continue;
            }
            if (c == '#' && !inside) break;   // the rest is a comment
            auto end = at;
            while (end < text.size() && text[end] != ' ' && text[end] != '\t' && text[end] != '\r' &&
                   !(inside && text[end] == ']') && !(text[end] == '[' && !seen))
                ++end;
            words->push_back(text.substr(at, end - at));
            at = end;
        }
        if (before.empty()) return line;
        line.certificate = before[0];
        if (!seen) line.names.assign(before.begin() + 1, before.end());
        return line;
    }

    static std::string joined(const std::vector<std::string_view>& words) {
        std::string text;
        for (auto one : words) (text += text.empty() ? "" : " ") += one;
        return text;
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
    ir::Shared<ir::TlsProfile> rules_of(const std::vector<std::string_view>& words, const BindTlsWords::Named& list,
                                        CertificateWords& of_certificate) {
        if (words.empty()) return rules_;
        BindTlsWords inner = words_;
        std::vector<Argument> arguments;
        for (auto word : words) arguments.push_back({.text = word, .span = list.span});
        auto* outer = std::exchange(scope_.bind_tls, &inner);
        lower_options(scope_, arguments, in::crt_list);
        scope_.bind_tls = outer;
        of_certificate = inner.certificate;
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
    scope.error(span, "cannot-load", fmt::format("unable to load the {} \"{}\": {}", what, path, file.error().text));
    return nullptr;
}

std::vector<ir::ListenerTls::Entry> load_certificates(Scope& scope, const BindTlsWords& words,
                                                      const ir::Shared<ir::TlsProfile>& rules) {
    return Certificates(scope, words, rules).all();
}

}  // namespace weir::haproxy
