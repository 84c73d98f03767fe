// SPDX-License-Identifier: Apache-2.0
#include "runtime/exchange/listing.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "runtime/http/conditional.hpp"
#include "runtime/route/escape.hpp"

namespace weir::exchange {

namespace {

constexpr std::size_t name_width = 50;
constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// Where a name of so many characters ends: bytes that go on with one do not count (UTF-8).
std::size_t bytes_of(std::string_view text, std::size_t characters) {
    std::size_t at = 0;
    for (; at < text.size(); ++at) {
        bool starts = (static_cast<unsigned char>(text[at]) & 0xc0) != 0x80;
        if (starts && characters-- == 0) break;
    }
    return at;
}

std::size_t count_characters(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    }));
}

std::string size_text(std::uint64_t size, bool is_folder, bool exact) {
    if (exact) return is_folder ? fmt::format("{:>19}", "-") : fmt::format("{:>19}", size);
    if (is_folder) return "      -";
    constexpr std::uint64_t kilo = 1024, mega = kilo * 1024, giga = mega * 1024;
    auto scaled = [&](std::uint64_t unit, char letter) {
        auto count = size / unit + (size % unit > unit / 2 - 1 ? 1 : 0);
        return fmt::format("{:>6}{}", count, letter);
    };
    if (size > giga - 1) return scaled(giga, 'G');
    if (size > mega - 1) return scaled(mega, 'M');
    if (size > 9999) return scaled(kilo, 'K');
    return fmt::format(" {:>6}", size);
}

bool is_callback(std::string_view name) {
    return std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
               c == '.';
    });
}

}  // namespace

Folder::Folder(std::string_view path, Arena& arena) : arena_(arena) {
    DIR* folder = ::opendir(path.data());
    if (!folder) {
        error = errno;
        return;
    }
    while (const dirent* found = ::readdir(folder)) {
        if (found->d_name[0] == '.') continue;
        struct stat facts {};
        // A link that leads nowhere is shown as itself; what is gone meanwhile is not.
        if (::fstatat(::dirfd(folder), found->d_name, &facts, 0) != 0 &&
            ::fstatat(::dirfd(folder), found->d_name, &facts, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        entries_.push_back({arena.copy(found->d_name), S_ISDIR(facts.st_mode), S_ISREG(facts.st_mode),
                            facts.st_mtime, static_cast<std::uint64_t>(facts.st_size)});
    }
    ::closedir(folder);
    std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
        return a.folder != b.folder ? a.folder : a.name < b.name;
    });
}

std::string_view Folder::pick_file(std::uint64_t chance) const {
    auto count = static_cast<std::uint64_t>(
        std::count_if(entries_.begin(), entries_.end(), [](const Entry& entry) { return entry.regular; }));
    if (count == 0) return {};
    // Spreads neighboring numbers.
    auto left = (chance * 0x9e3779b97f4a7c15ULL >> 32) % count;
    for (const auto& entry : entries_)
        if (entry.regular && left-- == 0) return entry.name;
    return {};
}

void Folder::write_html(std::string& out, const ir::FileSettings::Listing& how, std::string_view path,
                        bool utf8) {
    auto title = route::escape_html(path, arena_);
    fmt::format_to(std::back_inserter(out),
                   "<html>\r\n<head><title>Index of {0}</title></head>\r\n<body>\r\n<h1>Index of "
                   "{0}</h1><hr><pre><a href=\"../\">../</a>\r\n", title);
    for (const auto& entry : entries_) {
        const char* slash = entry.folder ? "/" : "";
        auto length = utf8 ? count_characters(entry.name) : entry.name.size();
        bool fits = length <= name_width;
        auto kept = utf8 ? bytes_of(entry.name, name_width - 3) : name_width - 3;
        auto shown = fits ? entry.name : entry.name.substr(0, kept);
        const char* end = !fits ? "..&gt;" : length < name_width ? slash : "";
        fmt::format_to(std::back_inserter(out), "<a href=\"{}{}\">{}{}</a>",
                       route::escape_segment(entry.name, arena_), slash, route::escape_html(shown, arena_), end);
        if (length < name_width) out.append(name_width - length - (entry.folder ? 1 : 0), ' ');
        std::time_t time = entry.modified;
        std::tm date{};
        how.local_time ? ::localtime_r(&time, &date) : ::gmtime_r(&time, &date);
        fmt::format_to(std::back_inserter(out), " {:02}-{}-{} {:02}:{:02} {}\r\n", date.tm_mday,
                       months[date.tm_mon], date.tm_year + 1900, date.tm_hour, date.tm_min,
                       size_text(entry.size, entry.folder, how.exact_size));
    }
    out += "</pre><hr></body>\r\n</html>\r\n";
}

void Folder::write_json(std::string& out, std::string_view callback) {
    if (!callback.empty()) fmt::format_to(std::back_inserter(out), "/* callback */\r\n{}(", callback);
    out += "[";
    const char* before = "\r\n";
    for (const auto& entry : entries_) {
        const char* type = entry.folder ? "directory" : entry.regular ? "file" : "other";
        fmt::format_to(std::back_inserter(out), "{}{{ \"name\":\"{}\", \"type\":\"{}\", \"mtime\":\"{}\"",
                       before, route::escape(entry.name, ir::Text::Escape::json, arena_), type,
                       http::format_date(entry.modified, arena_));
        if (entry.regular) fmt::format_to(std::back_inserter(out), ", \"size\":{}", entry.size);
        out += " }";
        before = ",\r\n";
    }
    out += "\r\n]";
    if (!callback.empty()) out += ");";
}

void Folder::write_xml(std::string& out) {
    out += "<?xml version=\"1.0\"?>\r\n<list>\r\n";
    for (const auto& entry : entries_) {
        const char* type = entry.folder ? "directory" : entry.regular ? "file" : "other";
        std::time_t time = entry.modified;
        std::tm date{};
        ::gmtime_r(&time, &date);
        fmt::format_to(std::back_inserter(out), "<{} mtime=\"{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z\"", type,
                       date.tm_year + 1900, date.tm_mon + 1, date.tm_mday, date.tm_hour, date.tm_min,
                       date.tm_sec);
        if (entry.regular) fmt::format_to(std::back_inserter(out), " size=\"{}\"", entry.size);
        fmt::format_to(std::back_inserter(out), ">{}</{}>\r\n", route::escape_html(entry.name, arena_), type);
    }
    out += "</list>\r\n";
}

Folder::Listing Folder::write(const ir::FileSettings::Listing& how, std::string_view path,
                              std::string_view callback, bool utf8) {
    using Format = ir::FileSettings::Listing::Format;
    Listing listing;
    std::string out;
    switch (how.format) {
        case Format::html:
            write_html(out, how, path, utf8);
            listing.type = "text/html";
            break;
        case Format::xml:
            write_xml(out);
            listing.type = "text/xml; charset=utf-8";
            break;
        case Format::json:
        case Format::jsonp:
            if (!is_callback(callback)) {
                listing.bad = true;
                return listing;
            }
            write_json(out, callback);
            listing.type = callback.empty() ? "application/json" : "application/javascript";
            break;
    }
    listing.body = arena_.copy(out);
    return listing;
}

std::string_view callback_of(std::string_view query) {
    constexpr std::string_view name = "callback=";
    for (std::size_t at = 0; at < query.size();) {
        auto end = std::min(query.find('&', at), query.size());
        auto one = query.substr(at, end - at);
        if (one.starts_with(name)) return one.substr(name.size());
        at = end + 1;
    }
    return {};
}

}  // namespace weir::exchange
