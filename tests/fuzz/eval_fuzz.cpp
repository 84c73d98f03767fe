// SPDX-License-Identifier: Apache-2.0
// Expressions over hostile bytes: every fetch and converter runs over a request made of the input,
// in both dialects, and inside a match that tries every value. Results must be readable memory, and
// what is written into logs and headers must hold no line end.
#include <memory>
#include <string>

#include "runtime/http/h1_codec.hpp"
#include "runtime/route/eval.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace weir::route {
namespace {

std::uint64_t sink = 0;

void touch(std::string_view text) {
    for (unsigned char byte : text) sink += byte;
}

struct Bench {
    Bench(const fuzz::Input& input, bool nginx) {
        site.name = "site";
        site.is_nginx_style = nginx;
        config.variables.push_back({"txn.x", nginx});
        config.named_captures.push_back("n");
        subject.arena = &arena;
        subject.around = &around;
        subject.connection = &connection;
        subject.client = &connection.client;
        subject.local = &connection.local;
        subject.site = &site;
        subject.site_id = 0;
        subject.variables = variables;
        subject.named_captures = named;
        subject.tries = tries;
        subject.payload = input.text;
        subject.request_captures = captures;
        captures[0] = input.text;
        wire =
            "GET /" + std::string(input.text.substr(0, input.text.size() / 2)) +
            " HTTP/1.1\r\nHost: a\r\nX: " + std::string(input.text.substr(input.text.size() / 2)) +
            "\r\n\r\n";
        std::uint32_t resume = 0;
        const auto parsed = http::parse_request_head(wire, {}, arena, head, &resume);
        if (parsed.status == http::ParseStatus::done) {
            subject.request = &head;
            subject.query = head.query;
            subject.normalized_path = head.path;
        }
    }
    void run(const ir::Expr& expr, Library& library) {
        const auto program = library.compile(expr);
        touch(to_text(program.eval(subject), arena));
    }

    Arena arena;
    ir::Config config;
    ir::Site site;
    ConnectionFacts connection;
    Surroundings around;
    Subject subject;
    std::string wire;
    http::RequestHead head;
    Value variables[1];
    std::string_view named[1], captures[1];
    Try tries[2];
};

ir::Expr fetch_of(std::size_t code, const fuzz::Input& input) {
    ir::Expr expr;
    expr.op = ir::Expr::Op::fetch;
    expr.fetch = static_cast<ir::Fetch>(code);
    expr.text = input.seed & 1 ? "x" : std::string(input.text.substr(0, input.seed % 5));
    constexpr std::int64_t occurrences[] = {0, 1, 2, -1, -2, ir::occurrence::every};
    expr.number = occurrences[input.seed % 6];
    if (expr.fetch == ir::Fetch::variable || expr.fetch == ir::Fetch::named_capture)
        expr.number = 0;
    if (expr.fetch == ir::Fetch::payload) expr.number = input.seed;
    return expr;
}

ir::Expr converted(std::size_t code, const fuzz::Input& input) {
    ir::Expr expr;
    expr.op = ir::Expr::Op::convert;
    expr.converter = static_cast<ir::Converter>(code);
    expr.number = static_cast<std::int8_t>(input.options);
    expr.text = input.options & 4 ? "a" : "%Y,;";
    if (expr.converter == ir::Converter::regsub) expr.text = "a*(b)?";
    if (expr.converter == ir::Converter::set_variable) expr.number = 0;
    expr.in.resize(3);
    expr.in[0].text = std::string(input.text);
    expr.in[1].text = input.options & 8 ? "\\1\\x41" : "2";
    expr.in[2].text = "g";
    return expr;
}

void check_text(Bench& bench, Library& library, const fuzz::Input& input) {
    using Escape = ir::Text::Escape;
    for (auto escape : {Escape::nginx_log, Escape::json, Escape::haproxy_log, Escape::header}) {
        ir::Text text;
        ir::Text::Piece piece;
        auto expr = std::make_shared<ir::Expr>();
        expr->text = std::string(input.text);
        piece.expr = expr;
        piece.escape = escape;
        piece.quoted = input.options & 1;
        text.pieces.push_back(piece);
        text.pieces.push_back(piece);
        const auto line = library.compile(text).render(bench.subject);
        FUZZ_CHECK(line.find_first_of(std::string_view("\r\n\0", 3)) == line.npos);
    }
}

void check(const fuzz::Input& input, bool nginx) {
    Bench bench(input, nginx);
    Library library(bench.config);
    for (std::size_t code = 0; code < static_cast<std::size_t>(ir::Fetch::count_); ++code) {
        bench.run(fetch_of(code, input), library);
    }
    for (std::size_t code = 0; code < static_cast<std::size_t>(ir::Converter::count_); ++code) {
        bench.run(converted(code, input), library);
    }
    for (auto fetch : {ir::Fetch::request_header, ir::Fetch::query_argument, ir::Fetch::cookie}) {
        ir::Expr match;
        match.op = ir::Expr::Op::match;
        match.in.push_back(fetch_of(static_cast<std::size_t>(fetch), input));
        match.in[0].text = "x";
        match.in[0].number = ir::occurrence::every;
        auto set = std::make_shared<ir::PatternSet>();
        set->how = static_cast<ir::PatternSet::How>(input.options % 10);
        set->texts = {"a", "/b/"};
        set->ignore_case = input.options & 16;
        match.patterns = set;
        bench.run(match, library);
    }
    check_text(bench, library, input);
}

}  // namespace
}  // namespace weir::route

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto input = weir::fuzz::split(data, size);
    weir::route::check(input, true);
    weir::route::check(input, false);
    return 0;
}
