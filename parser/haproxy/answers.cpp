// SPDX-License-Identifier: Apache-2.0
// Answers that weir makes: http-request return, deny, tarpit and auth, and http-error.
#include <fmt/format.h>

#include <algorithm>

#include "parser/haproxy/rows.hpp"
#include "parser/haproxy/tables_own.hpp"
#include "parser/value/value.hpp"

namespace weir::haproxy {

std::optional<std::uint16_t> read_status(keyword::Scope& scope, const Argument& word_, int low,
                                         int high) {
    auto status = value::parse_number(word_.text);
    if (status && *status >= low && *status <= high) return static_cast<std::uint16_t>(*status);
    scope.error(
        word_.span, "invalid-value",
        fmt::format("\"{}\" is not valid; expected a status from {} to {}", word_.text, low, high));
    return std::nullopt;
}

namespace {

ir::Action& made(keyword::Scope& scope) { return own(scope).rule->action; }

constexpr std::uint16_t page_statuses[] = {200, 400, 401, 403, 404, 405, 407, 408, 410, 413,
                                           421, 422, 425, 429, 500, 501, 502, 503, 504};

bool has_page(std::int64_t status) {
    return std::find(std::begin(page_statuses), std::end(page_statuses), status) !=
           std::end(page_statuses);
}

// What return, deny and tarpit share: [status n] [content-type t] and one source of the body.
class Answer {
public:
    Answer(keyword::Scope& scope, const Call& call, std::uint16_t status)
        : scope_(scope), call_(call) {
        respond_.status = status;
    }

    bool read() {
        while (at_ < call_.size())
            if (!read_option()) return false;
        bool payload = respond_.body && !respond_.body->empty();
        if (payload && respond_.content_type.empty()) {
            scope_.error(call_.span, "no-content-type",
                         fmt::format("\"{}\" has a body, but no content type", call_.row->name),
                         "add \"content-type text/plain\", or the type it is");
            return false;
        }
        if (!respond_.body && !respond_.content_type.empty())
            scope_.sink.warning(call_.span, "no-effect",
                                fmt::format("the content type of \"{}\" has no effect without a "
                                            "body",
                                            call_.row->name));
        return true;
    }
    // A return without a body is empty; a deny without one is the error page of its status.
    ir::action::Respond take(bool empty_by_default) {
        bool said = respond_.body || respond_.message || from_pages_;
        if (!said && empty_by_default) respond_.body.emplace();
        // Fields make a deny an answer of its own.
        if (!said && !respond_.headers.empty()) respond_.body.emplace();
        respond_.denies = !empty_by_default;
        return std::move(respond_);
    }
    [[nodiscard]] std::uint16_t status() const { return respond_.status; }
    // default-errorfiles, or an errorfiles section without that status.
    [[nodiscard]] bool from_pages() const { return from_pages_; }

private:
    const Argument* value() {
        if (at_ < call_.size()) return &call_[at_++];
        scope_.error(call_[at_ - 1].span, "argument-count",
                     fmt::format("\"{}\" needs a value after it", call_[at_ - 1].text));
        return nullptr;
    }

    bool read_option() {
        const auto& word_ = call_[at_++];
        auto what = word_.text;
        if (what == "default-errorfiles") {
            from_pages_ = true;
            return true;
        }
        const auto* given = value();
        if (!given) return false;
        if (what == "status" || what == "deny_status") return read_status_option(*given, what);
        if (what == "content-type") {
            respond_.content_type = std::string(given->text);
        } else if (what == "string") {
            respond_.body = ir::Text::of(std::string(given->text));
        } else if (what == "lf-string") {
            respond_.body = lower_format(own(scope_), *given, FormatUse::body);
        } else if (what == "file" || what == "lf-file" || what == "errorfile") {
            return read_file(*given, what);
        } else if (what == "errorfiles") {
            return read_errorfiles(*given);
        } else if (what == "hdr") {
            const auto* text_ = value();
            if (!text_) return false;
            respond_.headers.push_back(
                {std::string(given->text), lower_format(own(scope_), *text_, FormatUse::header)});
        } else {
            return unknown_option(word_);
        }
        return true;
    }

    bool unknown_option(const Argument& word_) {
        scope_.error(word_.span, "invalid-value",
                     fmt::format("unknown option \"{}\" of \"{}\"", word_.text, call_.row->name),
                     "options are status, content-type, string, lf-string, file, lf-file, "
                     "errorfile, errorfiles, default-errorfiles and hdr");
        return false;
    }

    bool read_status_option(const Argument& given, std::string_view what) {
        bool any = call_.row->name == "return" && what == "status";
        if (call_.row->name == "http-error" && what != "status") return unknown_option(call_[at_ - 2]);
        auto status = read_status(scope_, given, any ? 200 : 200, any ? 599 : 599);
        if (!status) return false;
        if (!any && !has_page(*status)) {
            scope_.error(given.span, "invalid-value",
                         fmt::format("HAProxy makes no answer of its own with status {}", *status),
                         "use \"return status\" for any status");
            return false;
        }
        respond_.status = *status;
        return true;
    }

    bool read_file(const Argument& path, std::string_view what) {
        auto bytes = scope_.sources.read(std::string(path.text), Purpose::content);
        if (!bytes && !bytes.error().left_out()) {
            scope_.error(path.span, "cannot-read",
                         fmt::format("cannot open \"{}\": {}", path.text, bytes.error().text));
            return false;
        }
        std::string body(bytes ? *bytes : std::string_view());
        if (what == "errorfile") {
            respond_.message = lower_message(own(scope_), body, path);
            return respond_.message != nullptr;
        }
        if (what == "lf-file")
            respond_.body =
                lower_format(own(scope_), {.text = body, .span = path.span}, FormatUse::body);
        else
            respond_.body = ir::Text::of(std::move(body));
        if (!respond_.body->span.known()) respond_.body->span = path.span;
        return true;
    }

    bool read_errorfiles(const Argument& name) {
        const auto& sections = own(scope_).load.http_errors;
        auto found = sections.find(name.text);
        if (found == sections.end()) {
            scope_.error(
                name.span, "unknown-section",
                fmt::format("there is no http-errors section \"{}\" before this line", name.text));
            return false;
        }
        for (const auto& page : found->second)
            if (page.statuses[0] == respond_.status)
                if (const auto* whole = std::get_if<ir::ErrorPage::Whole>(&page.what))
                    respond_.message = whole->message;
        from_pages_ = !respond_.message;
        return true;
    }

    keyword::Scope& scope_;
    const Call& call_;
    std::size_t at_ = 0;
    bool from_pages_ = false;
    ir::action::Respond respond_;
};

}  // namespace

void lower_return(keyword::Scope& scope, const Call& call) {
    Answer answer(scope, call, 200);
    if (answer.read()) made(scope) = answer.take(true);
}

void lower_deny(keyword::Scope& scope, const Call& call) {
    Answer answer(scope, call, (own(scope).place & in::responses) != 0 ? 502 : 403);
    if (answer.read()) made(scope) = answer.take(false);
}

void lower_tarpit(keyword::Scope& scope, const Call& call) {
    Answer answer(scope, call, 500);
    if (answer.read()) made(scope) = ir::action::Tarpit{answer.status()};
}

// The page of 401 with a challenge (RFC 7617).
void lower_auth(keyword::Scope& scope, const Call& call) {
    ir::action::Respond respond;
    respond.status = 401;
    std::string realm = own(scope).draft ? own(scope).draft->name : std::string();
    if (call.size() > 0 && call[0].text == "realm" && call.size() == 2) {
        realm = std::string(call[1].text);
    } else if (call.size() != 0) {
        scope.error(call[0].span, "invalid-value",
                    fmt::format("\"{}\" is not valid; \"auth\" takes realm and a name", call[0].text));
        return;
    }
    std::string quoted;
    for (char c : realm) {
        if (c == '"' || c == '\\') quoted += '\\';
        quoted += c;
    }
    respond.headers.push_back({"www-authenticate", ir::Text::of("Basic realm=\"" + quoted + "\"")});
    made(scope) = std::move(respond);
}

// http-error status n [what return takes]: the page of a status.
void lower_http_error(keyword::Scope& scope, const Call& call) {
    own(scope).place = in::http_request;
    Answer answer(scope, call, 0);
    if (!answer.read()) return;
    auto status = answer.status();
    if (status == 0) {
        scope.error(call.span, "argument-count", "\"http-error\" needs a status",
                    "syntax: http-error status n [content-type t] [string s]");
        return;
    }
    auto respond = answer.take(true);
    auto& list = scope.settings().error_pages.edit().list;
    std::erase_if(list, [&](const auto& known) { return known.statuses[0] == status; });
    if (answer.from_pages()) return;   // weir's own
    ir::ErrorPage page;
    page.statuses = {status};
    page.span = call.span;
    if (respond.message)
        page.what = ir::ErrorPage::Whole{respond.message};
    else
        page.what = ir::ErrorPage::Made{std::make_shared<const ir::action::Respond>(std::move(respond))};
    list.push_back(std::move(page));
}

}  // namespace weir::haproxy
