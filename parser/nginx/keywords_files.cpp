// SPDX-License-Identifier: Apache-2.0
// Rows of what serves files: root, alias, index, try_files, autoindex, random_index, and how files are
// opened and told to the client.
#include <fmt/format.h>

#include "parser/nginx/tables.hpp"
#include "parser/nginx/template.hpp"
#include "parser/value/value.hpp"

namespace weir::nginx {

namespace {

using namespace context;
using keyword::Call;
using keyword::ignored;
using keyword::Inherit;
using keyword::Keyword;
using keyword::Scope;
using keyword::set;
using ir::Settings;
using Listing = ir::FileSettings::Listing;
using Match = ir::Route::Match;

constexpr Contexts everywhere = http | server | location;

// Relative folders begin at the prefix; what begins with a variable says itself where.
ir::Text folder_text(Block& block, const keyword::Argument& argument) {
    if (argument.text.starts_with('/') || argument.text.starts_with('$')) return block.text(argument);
    auto text = block.text(argument);
    if (text.pieces.empty() || text.pieces[0].expr) return text;
    text.pieces[0].literal = block.run.full_path(text.pieces[0].literal);
    return text;
}

void say_twice(Block& block, const Call& call) {
    block.error(call.span, "duplicate-directive", fmt::format("\"{}\" directive is duplicate", call.name),
                "a block has one root or one alias");
}

bool is_second_folder(Block& block, const Call& call) {
    if (block.folder_given) say_twice(block, call);
    return std::exchange(block.folder_given, true);
}

void lower_root(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    if (is_second_folder(block, call)) return;
    auto argument = call[0];
    if (argument.text.size() > 1 && argument.text.ends_with('/')) argument.text.remove_suffix(1);
    auto& files = block.own.files.edit();
    files.root = folder_text(block, argument);
    files.is_alias = files.root_is_whole = false;
    files.left_out = 0;
}

void lower_alias(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    if (is_second_folder(block, call)) return;
    const auto& route = *block.route;
    if (route.match == Match::named)
        return block.error(call.span, "misplaced-directive",
                           "the \"alias\" directive cannot be used inside the named location",
                           "use root there");
    auto& files = block.own.files.edit();
    files.root = folder_text(block, call[0]);
    files.is_alias = true;
    files.root_is_whole = route.match == Match::regex || route.match == Match::regex_ignore_case;
    files.left_out = static_cast<std::uint32_t>(route.pattern.size());
}

void lower_index(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    auto& files = block.own.files.edit();
    if (block.first_use(*call.row)) files.index.clear();
    for (std::size_t i = 0; i < call.size(); ++i) {
        const auto& argument = call[i];
        if (argument.text.empty())
            return block.error(argument.span, "invalid-value", "index \"\" in \"index\" directive is invalid",
                               "name a file");
        if (argument.text.starts_with('/') && i + 1 < call.size())
            block.sink.warning(argument.span, "unreachable",
                               "only the last index in \"index\" directive should be absolute",
                               "what follows it is never looked for");
        files.index.push_back(block.text(argument));
    }
}

void lower_try_files(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    if (block.route->try_files)
        return block.error(call.span, "duplicate-directive", "\"try_files\" directive is duplicate",
                           "put all names on one line");
    ir::TryFiles tries;
    for (const auto& argument : call.args.first(call.size() - 1)) {
        auto name = argument;
        bool folder = name.text.size() > 1 && name.text.ends_with('/');
        if (folder) name.text.remove_suffix(1);
        tries.names.push_back({block.text(name), folder});
    }
    const auto& last = call[call.size() - 1];
    if (last.text.starts_with('=')) {
        auto status = value::parse_number(last.text.substr(1));
        if (!status || *status < 0 || *status > 999)
            return block.error(last.span, "invalid-value", fmt::format("invalid code \"{}\"", last.text),
                               "a status such as =404");
        tries.status = static_cast<std::uint16_t>(*status);
    } else {
        tries.named = last.text.starts_with('@');
        tries.uri = block.text(last);
    }
    block.route->try_files = std::move(tries);
}

template <auto Field>
void set_listing(Scope& scope, const Call& call) {
    auto& field = scope.settings().files.edit().listing.*Field;
    field = static_cast<std::remove_reference_t<decltype(field)>>(call[0].number);
}

// disable_symlinks off | on | if_not_owner [from=part].
void lower_disable_symlinks(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    using Links = ir::FileSettings::Links;
    auto& files = block.own.files.edit();
    files.links_from = {};
    for (const auto& argument : call.args) {
        std::string_view value;
        if (argument.text == "off") {
            files.links = Links::follow;
        } else if (argument.text == "on") {
            files.links = Links::refuse;
        } else if (argument.text == "if_not_owner") {
            files.links = Links::same_owner;
        } else if (key_value(argument.text, "from=", value) && !value.empty()) {
            auto part = argument;
            part.text = value;
            files.links_from = block.text(part);
        } else {
            return invalid_parameter(block, call, argument);
        }
    }
}

// on and threads differ in how the kernel is asked; so does threads=POOL.
void lower_aio(Scope& scope, const Call& call) {
    const auto text = call[0].text;
    const bool on = text == "on" || text == "threads" || (text.starts_with("threads=") && text.size() > 8);
    if (!on && text != "off") return invalid_parameter(block_of(scope), call, call[0]);
    scope.settings().files.edit().by_threads = on;
}

void lower_max_ranges(Scope& scope, const Call& call) {
    auto most = std::min<std::int64_t>(call[0].number, 0xffffffff);
    scope.settings().files.edit().max_ranges = static_cast<std::uint32_t>(most);
}

void lower_empty_gif(Scope& scope, const Call&) {
    block_of(scope).route->action = ir::ServedBy{"empty_gif", nullptr};
}

constexpr auto plain_reads = ignored("weir reads files as they are sent, by sendfile where it can");
constexpr auto no_file_cache = ignored("weir opens a file for each request; the kernel keeps its content");

// clang-format off
constexpr Keyword rows[] = {
    {.name = "aio", .where = everywhere, .args = {keyword::word("on|off|threads[=pool]")}, .apply = lower_aio, .fallback = "off",
     .since = "0.8.11", .summary = "Has threads read what of a file is not in memory, so that a slow disk keeps no other client waiting.",
     .details = "Files of a cache are always read and written so.", .once = true},
    {.name = "aio_write", .where = everywhere, .args = {keyword::flag()}, .fallback = "off", .since = "1.9.13",
     .support = ignored("what weir writes to temporary files goes to the page cache at once"), .summary = "Writes files asynchronously."},
    {.name = "alias", .where = location, .args = {keyword::text("path")}, .apply = lower_alias,
     .summary = "Puts a folder in the place of the location's path; in a regex location it is the whole name."},
    {.name = "autoindex", .where = everywhere, .args = {keyword::flag()}, .apply = set_listing<&Listing::shown>, .fallback = "off",
     .summary = "Lists a folder that has no index file.", .once = true},
    {.name = "autoindex_exact_size", .where = everywhere, .args = {keyword::flag()}, .apply = set_listing<&Listing::exact_size>, .fallback = "on",
     .summary = "Shows sizes to the byte, else in K, M or G.", .once = true},
    {.name = "autoindex_format", .where = everywhere, .args = {keyword::choice("html|xml|json|jsonp")},
     .apply = set_listing<&Listing::format>, .fallback = "html", .since = "1.7.9", .summary = "Sets the form of a list.", .once = true},
    {.name = "autoindex_localtime", .where = everywhere, .args = {keyword::flag()}, .apply = set_listing<&Listing::local_time>, .fallback = "off",
     .summary = "Shows local time in place of GMT.", .once = true},
    {.name = "directio", .where = everywhere, .args = {keyword::word("size|off")}, .fallback = "off", .since = "0.7.7",
     .support = plain_reads, .summary = "Reads large files past the page cache."},
    {.name = "directio_alignment", .where = everywhere, .args = {keyword::size("size")}, .fallback = "512", .since = "0.8.11",
     .support = plain_reads, .summary = "Alignment for directio."},
    {.name = "disable_symlinks", .where = everywhere, .args = {keyword::word("off|on|if_not_owner"), keyword::opt(keyword::word("from=part"))},
     .apply = lower_disable_symlinks, .fallback = "off", .since = "1.1.15",
     .summary = "Refuses files behind symbolic links, or behind those of another owner.", .once = true},
    {.name = "empty_gif", .where = location, .apply = lower_empty_gif, .inherit = Inherit::none,
     .summary = "Answers with a transparent image of one pixel."},
    {.name = "etag", .where = everywhere, .args = {keyword::flag()}, .apply = set<&Settings::files, &ir::FileSettings::etag>,
     .fallback = "on", .since = "1.3.3", .summary = "Writes ETag for files.", .once = true},
    {.name = "if_modified_since", .where = everywhere, .args = {keyword::choice("off|exact|before")},
     .apply = set<&Settings::files, &ir::FileSettings::if_modified>, .fallback = "exact", .since = "0.7.24",
     .summary = "Tells how a file's time is compared with If-Modified-Since.", .once = true},
    {.name = "index", .where = everywhere, .args = {keyword::many(keyword::text("file"))}, .apply = lower_index, .inherit = Inherit::replace_list,
     .fallback = "index.html", .summary = "Files that stand for their folder, in the order they are looked for."},
    {.name = "log_not_found", .where = everywhere, .args = {keyword::flag()}, .apply = set<&Settings::files, &ir::FileSettings::log_not_found>,
     .fallback = "on", .summary = "Notes files that were not found in the error log.", .once = true},
    {.name = "max_ranges", .where = everywhere, .args = {keyword::number("number", 0)}, .apply = lower_max_ranges, .since = "1.1.2",
     .summary = "Most ranges of one request; with more, or 0, all of the file is sent.", .once = true},
    {.name = "open_file_cache", .where = everywhere, .args = keyword::Signature::count(1, 2), .fallback = "off",
     .support = no_file_cache, .summary = "Keeps open files."},
    {.name = "open_file_cache_errors", .where = everywhere, .args = {keyword::flag()}, .fallback = "off",
     .support = no_file_cache, .summary = "Remembers files that could not be opened."},
    {.name = "open_file_cache_events", .where = everywhere, .args = {keyword::flag()},
     .support = no_file_cache, .summary = "Watches cached files for changes."},
    {.name = "open_file_cache_min_uses", .where = everywhere, .args = {keyword::number("number")}, .fallback = "1",
     .support = no_file_cache, .summary = "Uses that keep a file open."},
    {.name = "open_file_cache_valid", .where = everywhere, .args = {keyword::seconds("time")}, .fallback = "60s",
     .support = no_file_cache, .summary = "Time after which an open file is looked at again."},
    {.name = "output_buffers", .where = everywhere, .args = {keyword::number("number"), keyword::size("size")}, .fallback = "2 32k",
     .support = plain_reads, .summary = "Buffers for reading files."},
    {.name = "random_index", .where = location, .args = {keyword::flag()}, .apply = set<&Settings::files, &ir::FileSettings::random_index>,
     .fallback = "off", .summary = "Lets a file chosen by chance stand for a folder.", .once = true},
    {.name = "read_ahead", .where = everywhere, .args = {keyword::size("size")}, .fallback = "0",
     .support = plain_reads, .summary = "Reads files ahead."},
    {.name = "root", .where = everywhere | if_in_location, .args = {keyword::text("path")}, .apply = lower_root, .fallback = "html",
     .summary = "Folder that the paths of requests begin in."},
    {.name = "sendfile", .where = everywhere | if_in_location, .args = {keyword::flag()}, .fallback = "off",
     .support = ignored("weir moves bodies inside the kernel where it can"), .summary = "Sends files by sendfile."},
    {.name = "sendfile_max_chunk", .where = everywhere, .args = {keyword::size("size")}, .fallback = "2m",
     .support = ignored("weir moves bodies in bounded pieces"), .summary = "Most bytes of one sendfile."},
    {.name = "try_files", .where = server | location, .args = {keyword::text("file"), keyword::many(keyword::text("file|uri|@name|=code"))},
     .apply = lower_try_files, .inherit = Inherit::none,
     .summary = "Goes on with the first of the files that is there, else with the last word: a URI, a named location, an answer."},
};
// clang-format on
static_assert(keyword::well_formed(rows));

}  // namespace

keyword::Table file_keywords() { return rows; }

}  // namespace weir::nginx
