// SPDX-License-Identifier: Apache-2.0
// Serving files (nginx's static, index, autoindex, random_index and try_files): which file a path
// stands for, and the answer made of it.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/exchange/exchange.hpp"
#include "runtime/exchange/listing.hpp"
#include "runtime/exchange/open_file.hpp"
#include "runtime/exchange/pages.hpp"
#include "runtime/exchange/record.hpp"
#include "runtime/log/error_log.hpp"
#include "runtime/route/escape.hpp"

namespace weir::exchange {

using http::FieldId;
using http::Method;
using Links = ir::FileSettings::Links;

namespace {

// "65694a3c-1f4": time and size, as nginx writes it and as caches already hold it.
std::string_view make_etag(const struct stat& facts, Arena& arena) {
    char* out = arena.bytes(48);
    auto end = fmt::format_to_n(out, 48, "\"{:x}-{:x}\"", facts.st_mtime, facts.st_size);
    return {out, end.size};
}

bool has_dots_first(std::string_view rest) {
    return rest.starts_with("..") && (rest.size() == 2 || rest[2] == '/');
}

}  // namespace

// One line of the error log about the request.
void Exchange::note_problem(int level, const std::string& text) {
    log_problem(subject_, level, text, error_logs_of(*route_, *site_));
}

void Exchange::note_file_error(std::string_view what, std::string_view path, int error) {
    auto status = status_of_file_error(error);
    if (status == 404 && !route_->files->source->log_not_found) return;
    note_problem(status == 500 ? log::critical : log::error,
                 log::ErrorLog::with_error(fmt::format("{} \"{}\" failed", what, path), error));
}

// The file that a path stands for; empty when it leaves the folder of an alias.
std::string_view Exchange::path_on_disk(std::string_view path) {
    const auto& root = route_->files->root;
    if (whole_goes_on_) return route::with_nul({root.root.render(subject_), path}, arena_);
    // "location /a { alias /data/; }" and "/a../x": what follows the prefix does not begin a part.
    if (root.is_alias && root.left_out <= path.size() && root.left_out > 0 &&
        path[root.left_out - 1] != '/' && has_dots_first(path.substr(root.left_out)))
        return {};
    return route::file_path(root, subject_, path);
}

std::size_t Exchange::trusted_part() {
    return route_->files->source->links == Links::follow
               ? 0
               : route_->files->links_from.render(subject_).size();
}

// The request goes on under another path, as if it came in anew.
Exchange::Next Exchange::redirect_inside(std::string_view path) {
    ++internal_redirects_;
    internal_ = true;
    subject_.normalized_path = path;
    target_.replaced = false;
    refresh_target();
    return Next::rules;
}

Exchange::Next Exchange::serve_files() {
    auto method = request_.method;
    auto path = subject_.normalized_path;
    bool folder = path.ends_with('/');
    bool reads = method == Method::get || method == Method::head;
    if (!reads && method != Method::post) return fail(405);
    if (route_->files->root.is_alias && target_.replaced) {
        note_problem(log::alert, fmt::format("\"alias\" cannot be used in location \"{}\" where URI was rewritten",
                                             route_->source->pattern));
        return fail(500);
    }
    return folder ? serve_folder(path) : serve_file(path);
}

Exchange::Next Exchange::serve_file(std::string_view path) {
    auto name = path_on_disk(path);
    if (name.empty()) return fail(404);
    if (auto next = Next::reply; !route_->filters->empty() && serve_stored(path, name, next)) return next;
    const auto& settings = *route_->files->source;
    auto file = open_file(name, settings.links, trusted_part());
    if (file.error != 0) {
        note_file_error("open()", name, file.error);
        return fail(status_of_file_error(file.error));
    }
    if (file.is_folder()) return redirect_to_folder(path);
    if (!file.is_regular()) {
        note_problem(log::critical, fmt::format("\"{}\" is not a regular file", name));
        return fail(404);
    }
    if (request_.method == Method::post) return fail(405);
    return reply_with_file(file, path, validators_of(file));
}

http::Validators Exchange::validators_of(const OpenFile& file) {
    http::Validators validators;
    validators.modified = file.facts.st_mtime;
    if (route_->files->source->etag) validators.etag = make_etag(file.facts, arena_);
    return validators;
}

// The same content in a coding that was made beforehand (gzip_static). False: there is none to be sent.
bool Exchange::serve_stored(std::string_view path, std::string_view name, Next& next) {
    subject_.coding.varies = false;
    if (request_.method == Method::post) return false;
    filter::StoredCodings stored;
    for (const auto& one : *route_->filters) one.filter->on_file(subject_, stored);
    for (const auto& one : stored.all()) {
        auto whole = route::with_nul({name, one.suffix}, arena_);
        auto file = open_file(whole, route_->files->source->links, trusted_part());
        if (file.error != 0) {
            if (status_of_file_error(file.error) != 404) note_file_error("open()", whole, file.error);
            continue;
        }
        if (one.varies) subject_.coding.varies = true;
        if (!one.accepted || file.is_folder()) continue;
        if (!file.is_regular()) {
            note_problem(log::critical, fmt::format("\"{}\" is not a regular file", whole));
            next = fail(404);
            return true;
        }
        next = reply_with_file(file, path, validators_of(file));
        takes_ranges_ = false;   // as in nginx
        if (file_) reply_.fields.add(arena_, "Content-Encoding", one.coding);
        return true;
    }
    return false;
}

Exchange::Next Exchange::reply_with_file(OpenFile& file, std::string_view path,
                                         const http::Validators& validators) {
    auto outcome = check_preconditions(validators);
    if (outcome == http::Precondition::failed) return fail(412);
    reply_ = {};
    reply_.status = 200;
    reply_from_server_ = unsized_ = false;
    own_body_ = {};
    reply_.fields.add(arena_, "Last-Modified", http::format_date(validators.modified, arena_));
    if (!validators.etag.empty()) reply_.fields.add(arena_, "ETag", validators.etag);
    modified_ = validators.modified;
    if (outcome == http::Precondition::not_modified) {
        reply_.status = 304;
        content_type_ = {};
        not_modified_ = true;
        return Next::reply;
    }
    content_type_ = default_type(*route_->style, path);
    auto size = static_cast<std::uint64_t>(file.facts.st_size);
    file_.reset(new (arena_.allocate(sizeof(http::FileParts), alignof(http::FileParts)))
                    http::FileParts(file.release(), size));
    if (route_->files->source->by_threads) file_->read_by(*worker_.disk);
    takes_ranges_ = !is_inner_;
    return Next::reply;
}

// Only what would be answered with 200, and not in the place of an error, may become 304.
http::Precondition Exchange::check_preconditions(const http::Validators& validators) const {
    if (is_inner_ || (forced_status_ != 0 && forced_status_ != 200)) return http::Precondition::holds;
    static_assert(static_cast<int>(http::SinceRule::before) ==
                  static_cast<int>(ir::FileSettings::IfModified::before));
    return http::check_preconditions(request_.fields, validators,
                                     static_cast<http::SinceRule>(route_->files->source->if_modified));
}

// A folder asked for without its slash.
Exchange::Next Exchange::redirect_to_folder(std::string_view path) {
    ir::action::Redirect action;
    action.status = 301;
    action.short_body = false;
    bool query = !subject_.query.empty();
    return redirect(action, arena_.join({route::escape_path(path, arena_), "/", query ? "?" : "",
                                         subject_.query}));
}

Exchange::Next Exchange::serve_folder(std::string_view path) {
    const auto& files = *route_->files;
    const auto& settings = *files.source;
    bool looked = false;
    for (const auto& index : files.index) {
        auto name = index.render(subject_);
        // An absolute name is another path, whether there is a file or not.
        if (name.starts_with('/') && index.is_literal()) return redirect_inside(name);
        auto base = path_on_disk(path);
        if (base.empty()) return fail(404);
        auto whole = route::with_nul({base, name}, arena_);
        struct stat facts {};
        int error = look_at(whole, settings.links, trusted_part(), facts);
        if (error == 0) return redirect_inside(arena_.join({path, name}));
        auto status = status_of_file_error(error);
        if (status == 403 || status == 500) {
            note_file_error("open()", whole, error);
            return fail(status);
        }
        // The first one that is not there: perhaps the folder is not, either.
        if (!looked) {
            looked = true;
            if (auto missing = folder_problem(base, whole)) return fail(missing);
        }
    }
    bool reads = request_.method != Method::post;
    if (settings.random_index && reads) return serve_random(path);
    if (settings.listing.shown && reads) return list_folder(path);
    auto base = path_on_disk(path);
    if (base.empty()) return fail(404);
    note_problem(log::error, fmt::format("directory index of \"{}\" is forbidden", base));
    return fail(403);
}

// The status of a folder that is none; 0 when it is one.
std::uint16_t Exchange::folder_problem(std::string_view base, std::string_view file) {
    auto folder = base;
    while (folder.size() > 1 && folder.ends_with('/')) folder.remove_suffix(1);
    struct stat facts {};
    int error = look_at(route::with_nul({folder}, arena_), route_->files->source->links, trusted_part(),
                        facts);
    if (error == 0 && S_ISDIR(facts.st_mode)) return 0;
    if (error == 0) {
        note_problem(log::error, fmt::format("\"{}\" is not a directory", folder));
        return 404;
    }
    if (status_of_file_error(error) != 404) {
        note_file_error("stat()", folder, error);
        return status_of_file_error(error);
    }
    if (route_->files->source->log_not_found)
        note_problem(log::error, log::ErrorLog::with_error(fmt::format("\"{}\" is not found", file), ENOENT));
    return 404;
}

Exchange::Next Exchange::serve_random(std::string_view path) {
    auto base = path_on_disk(path);
    if (base.empty()) return fail(404);
    Folder folder(base, arena_);
    if (folder.error != 0) {
        note_file_error("opendir()", base, folder.error);
        return fail(status_of_file_error(folder.error));
    }
    auto name = folder.pick_file(static_cast<std::uint64_t>(subject_.now_us) ^ subject_.serial << 20);
    if (name.empty()) {
        note_problem(log::error, fmt::format("directory index of \"{}\" is forbidden", base));
        return fail(403);
    }
    return redirect_inside(arena_.join({path, name}));
}

Exchange::Next Exchange::list_folder(std::string_view path) {
    auto base = path_on_disk(path);
    if (base.empty()) return fail(404);
    Folder folder(base, arena_);
    if (folder.error != 0) {
        note_file_error("opendir()", base, folder.error);
        return fail(status_of_file_error(folder.error));
    }
    const auto& how = route_->files->source->listing;
    auto callback = how.format == ir::FileSettings::Listing::Format::jsonp ? callback_of(subject_.query)
                                                                          : std::string_view();
    bool utf8 = http::equal_ignoring_case(route_->style->charset.literal(), "utf-8");
    auto listing = folder.write(how, path, callback, utf8);
    if (listing.bad) return fail(400);
    reply_ = {};
    reply_.status = 200;
    reply_from_server_ = unsized_ = false;
    own_body_ = listing.body;
    content_type_ = listing.type;
    open_length_ = true;
    return Next::reply;
}

// --- try_files ---

// Goes on to the action with the first file that is there, else to what is said for that case.
Exchange::Next Exchange::try_files() {
    const auto& tries = *route_->try_files;
    const auto& root = route_->files->root;
    const auto& settings = *route_->files->source;
    auto prefix = root.is_alias && !root.is_whole ? subject_.normalized_path.substr(0, root.left_out)
                                                  : std::string_view();
    for (std::size_t i = 0; i < tries.names.size(); ++i) {
        bool want_folder = tries.source->names[i].folder;
        auto name = tries.names[i].render(subject_);
        // An alias stands for the prefix: it is no part of the names.
        if (!prefix.empty() && name.starts_with(prefix)) name.remove_prefix(prefix.size());
        if (has_dots_first(name) && !prefix.ends_with('/')) continue;
        auto path = route::with_nul({root.root.render(subject_), name}, arena_);
        struct stat facts {};
        if (look_at(path, settings.links, trusted_part(), facts) != 0) continue;
        if (S_ISDIR(facts.st_mode) != want_folder) continue;
        // A folder's slash is left out, too: the client is sent there. Servers get what was asked for.
        subject_.normalized_path = arena_.join({prefix, name});
        whole_goes_on_ = root.is_whole && !want_folder;
        return Next::perform;
    }
    if (!tries.source->uri) return fail(tries.source->status);
    return go_to(tries.uri.render(subject_), tries.source->named);
}

// --- ranges ---

// The reply's body becomes the parts that were asked for. A body that comes from a server while it goes
// out can be one part, where its length is known.
void Exchange::apply_ranges() {
    const auto* file = sliced_total_ == 0 ? file_.get() : nullptr;
    bool sized = file || reply_.framing == http::Framing::length;
    auto most = route_->files->source->max_ranges;
    if (reply_.status != 200 || most == 0 || !sized) return;
    http::Validators validators;
    if (const auto* etag = reply_.fields.find(FieldId::etag)) validators.etag = etag->value;
    validators.modified = modified_;
    auto length = file ? file->length() : reply_.length;
    auto ranges = http::read_ranges(request_.fields, validators, length, file ? most : 1, arena_);
    if (ranges.state == http::Ranges::State::whole) {
        reply_.fields.add(arena_, "Accept-Ranges", "bytes");
        return;
    }
    if (ranges.state == http::Ranges::State::unsatisfiable) return refuse_ranges(length);
    reply_.status = 206;
    reply_.reason = {};
    if (!file) {
        cut_ = ranges.list.front();
        reply_.length = cut_.size();
        reply_.fields.remove(FieldId::content_length);
        reply_.fields.add(arena_, "Content-Length", arena_.copy(fmt::format_int(reply_.length).c_str()));
        reply_.fields.add(arena_, "Content-Range", http::content_range(cut_, length, arena_));
        return;
    }
    reply_.fields.remove(FieldId::content_length);   // of the whole, where a server told it
    const auto* type = reply_.fields.find(FieldId::content_type);
    auto told = file_->take_ranges(ranges.list, type ? type->value : std::string_view(), arena_);
    if (!told.content_type.empty()) reply_.fields.set(arena_, "Content-Type", told.content_type);
    if (!told.content_range.empty()) reply_.fields.add(arena_, "Content-Range", told.content_range);
}

void Exchange::refuse_ranges(std::uint64_t length) {
    file_.reset();
    give_up_saving();
    takes_ranges_ = cached_ = false;
    sliced_total_ = 0;
    auto fields = reply_.fields;
    own_page(416);
    for (const auto& field : fields)
        if (field.id != FieldId::content_type && field.id != FieldId::accept_ranges &&
            field.id != FieldId::content_length && field.id != FieldId::etag &&
            field.id != FieldId::last_modified)
            reply_.fields.add(arena_, field);
    reply_.fields.add(arena_, "Content-Range", http::content_range({}, length, arena_));
    add_content_type();
}

}  // namespace weir::exchange
