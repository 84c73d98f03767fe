// SPDX-License-Identifier: Apache-2.0
#include "parser/nginx/include.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "parser/nginx/syntax.hpp"

namespace weir::nginx {

namespace {

// Reading one main file: what is open now (cycles) and what was read before (a snippet that each of
// 10,000 servers includes is parsed once).
class Reader {
    // A file of ten lines that includes another of ten lines, and so on, is not a configuration.
    static constexpr std::size_t most_directives = 2'000'000;
    static constexpr std::size_t deepest_chain = 64;

public:
    explicit Reader(Run& run) : run_(run) {}

    const std::vector<ast::Directive>& read(const std::string& path, Span included_at) {
        auto [slot, is_new] = known_.try_emplace(path);
        if (!is_new) return slot->second;
        auto bytes = run_.set.read(path, Purpose::configuration);
        if (!bytes) {
            run_.sink.error(included_at, "file-not-read",
                            fmt::format("open() \"{}\" failed ({}: {})", path, bytes.error().code,
                                        bytes.error().text),
                            included_at.known() ? "relative paths start at the folder of the main file"
                                                : "");
            return slot->second;
        }
        auto file = run_.sources.add(path, std::string(*bytes), included_at);
        auto directives = parse_file(file, run_.sources, run_.arena, run_.sink);
        open_.push_back(path);
        expand(directives);
        open_.pop_back();
        return known_[path] = std::move(directives);
    }

    void expand(std::vector<ast::Directive>& directives) {
        bool any = false;
        for (auto& directive : directives) {
            any = any || is_include(directive);
            if (directive.body.present) expand(directive.body.directives);
        }
        if (!any) return;
        std::vector<ast::Directive> all;
        for (auto& directive : directives) {
            if (is_include(directive))
                include(directive.words.list[1], all);
            else
                all.push_back(std::move(directive));
        }
        directives = std::move(all);
    }

private:
    static bool is_include(const ast::Directive& directive) {
        return directive.name().text == "include" && directive.words.list.size() == 2 &&
               !directive.body.present;
    }

    void include(const ast::Word& word, std::vector<ast::Directive>& into) {
        std::string pattern(word.text);
        if (!pattern.starts_with('/')) pattern = run_.file_folder + pattern;
        auto paths = run_.set.glob(pattern);
        if (!paths) {
            run_.sink.error(word.span, "file-not-read",
                            fmt::format("glob() \"{}\" failed: {}", pattern, paths.error().text));
            return;
        }
        for (const auto& path : *paths) {
            if (open_.size() > deepest_chain || included_ > most_directives) {
                run_.sink.error(word.span, "too-many-includes",
                                fmt::format("\"{}\" is not included: there are too many includes", path),
                                "files may include each other 64 deep and bring 2,000,000 directives");
                return;
            }
            if (std::find(open_.begin(), open_.end(), path) != open_.end()) {
                run_.sink.error(word.span, "include-cycle",
                                fmt::format("\"{}\" includes itself", path), chain_to(path));
                continue;
            }
            const auto& found = read(path, word.span);
            included_ += count(found);
            into.insert(into.end(), found.begin(), found.end());
        }
    }

    static std::size_t count(const std::vector<ast::Directive>& directives) {
        std::size_t all = directives.size();
        for (const auto& directive : directives) all += count(directive.body.directives);
        return all;
    }

    // How the file came to be open: "a.conf includes b.conf includes a.conf".
    std::string chain_to(const std::string& path) const {
        auto from = std::find(open_.begin(), open_.end(), path);
        std::string chain = *from;
        for (auto step = from + 1; step != open_.end(); ++step) chain += " includes " + *step;
        return chain + " includes " + path;
    }

    Run& run_;
    std::vector<std::string> open_;
    std::size_t included_ = 0;
    std::unordered_map<std::string, std::vector<ast::Directive>> known_;
};

}  // namespace

std::vector<ast::Directive> read_file(Run& run, const std::string& path, Span included_at) {
    return Reader(run).read(path, included_at);
}

void expand_includes(Run& run, std::vector<ast::Directive>& directives) {
    Reader(run).expand(directives);
}

}  // namespace weir::nginx
