// SPDX-License-Identifier: Apache-2.0
#include "parser/nginx/load.hpp"

#include <set>
#include <tuple>

#include "parser/nginx/include.hpp"
#include "parser/nginx/logs.hpp"
#include "parser/nginx/lower.hpp"
#include "parser/nginx/syntax.hpp"
#include "parser/nginx/tables.hpp"
#include "parser/nginx/tls.hpp"

namespace weir::nginx {

namespace {

std::string folder_of(const std::string& path) {
    auto slash = path.rfind('/');
    return slash == path.npos ? std::string() : path.substr(0, slash + 1);
}

std::string with_slash(std::string path) {
    if (!path.empty() && !path.ends_with('/')) path += '/';
    return path;
}

// -g: text from the command line, in the main context before the file.
std::vector<ast::Directive> read_global_directives(Run& run) {
    if (run.options.global_directives.empty()) return {};
    auto file = run.sources.add("-g", run.options.global_directives);
    auto directives = parse_file(file, run.sources, run.arena, run.sink);
    expand_includes(run, directives);
    return directives;
}

// A snippet that many blocks include says the same each time; once is enough.
void pass_on(const diag::Sink& found, diag::Sink& sink) {
    std::set<std::tuple<FileId, std::uint32_t, std::string>> said;
    for (const auto& entry : found.all())
        if (said.emplace(entry.span.file, entry.span.begin, entry.message).second) sink.add(entry);
}

bool has_events(const std::vector<ast::Directive>& directives) {
    for (const auto& directive : directives)
        if (directive.name().text == "events") return true;
    return false;
}

}  // namespace

void load(const std::string& path, const Options& options, SourceSet& set, SourceMap& sources,
          std::span<const keyword::Table> module_tables, ir::Config& config, diag::Sink& sink) {
    diag::Sink found;
    Run run{.options = options, .set = set, .sources = sources, .config = config, .sink = found};
    run.file_folder = folder_of(path);
    run.prefix = with_slash(options.prefix);
    run.tls_files.same = same_by_time;
    for (auto table : directive_tables()) run.directives.add(table);
    for (auto table : module_tables) run.directives.add(table);
    for (auto table : variable_tables()) run.variables.add(table);

    auto directives = read_global_directives(run);
    auto main_file = static_cast<FileId>(sources.size());
    auto in_file = read_file(run, path, {});
    bool readable = found.all().empty() || !in_file.empty();
    directives.insert(directives.end(), std::make_move_iterator(in_file.begin()),
                      std::make_move_iterator(in_file.end()));
    if (readable && !has_events(directives))
        found.warning({main_file, 0, 0}, "no-events", "no \"events\" section in configuration",
                      "weir does without; nginx would not start: add events { }");
    Block main(run, context::main, nullptr);
    lower_body(main, directives);
    check_tls_listeners(run);
    collect_names(run);
    set_default_error_log(run);
    pass_on(found, sink);
}

std::vector<keyword::Table> directive_tables() {
    auto all = family_keywords();
    for (auto table :
         {main_keywords(), event_keywords(), http_keywords(), server_keywords(), log_keywords(), proxy_keywords(),
          cache_keywords(), rewrite_keywords(), upstream_keywords(), sticky_keywords(), map_keywords(),
          stream_keywords(), stream_server_keywords(), health_keywords(), real_ip_keywords(), match_keywords(),
          map_line_keywords(), file_keywords(), access_keywords(), field_keywords(), geo_keywords(),
          geo_line_keywords(), reply_keywords(), tls_keywords(), ocsp_keywords(), server_tls_keywords(),
          http2_keywords()})
        all.push_back(table);
    for (auto table : other_keywords()) all.push_back(table);
    return all;
}

}  // namespace weir::nginx
