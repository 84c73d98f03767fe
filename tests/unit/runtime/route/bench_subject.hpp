// SPDX-License-Identifier: Apache-2.0
// A subject with a parsed request, and short ways to write expressions, for the tests of route.
#pragma once

#include <memory>
#include <string>

#include "runtime/http/h1_codec.hpp"
#include "runtime/route/eval.hpp"

namespace weir::route {

inline IpAddress ip4(int a, int b, int c, int d) {
    IpAddress ip;
    ip.family = IpAddress::Family::v4;
    ip.bytes[0] = static_cast<unsigned char>(a);
    ip.bytes[1] = static_cast<unsigned char>(b);
    ip.bytes[2] = static_cast<unsigned char>(c);
    ip.bytes[3] = static_cast<unsigned char>(d);
    return ip;
}

inline ir::Expr fetch(ir::Fetch what, std::string text = {}, std::int64_t number = 0) {
    ir::Expr expr;
    expr.op = ir::Expr::Op::fetch;
    expr.fetch = what;
    expr.text = std::move(text);
    expr.number = number;
    return expr;
}
inline ir::Expr text(std::string words) {
    ir::Expr expr;
    expr.text = std::move(words);
    return expr;
}
inline ir::Expr number(std::int64_t value) {
    ir::Expr expr;
    expr.type = ir::Type::integer;
    expr.number = value;
    return expr;
}
inline ir::Expr convert(ir::Converter how, ir::Expr input, std::string words = {},
                        std::int64_t value = 0, std::vector<ir::Expr> more = {}) {
    ir::Expr expr;
    expr.op = ir::Expr::Op::convert;
    expr.converter = how;
    expr.text = std::move(words);
    expr.number = value;
    expr.in.push_back(std::move(input));
    for (auto& one : more) expr.in.push_back(std::move(one));
    return expr;
}
inline ir::Expr match(ir::Expr input, ir::PatternSet set) {
    ir::Expr expr;
    expr.op = ir::Expr::Op::match;
    expr.type = ir::Type::boolean;
    expr.in.push_back(std::move(input));
    expr.patterns = std::make_shared<const ir::PatternSet>(std::move(set));
    return expr;
}
inline ir::PatternSet texts(ir::PatternSet::How how, std::vector<std::string> words,
                            bool ignore_case = false) {
    ir::PatternSet set;
    set.how = how;
    set.texts = std::move(words);
    set.ignore_case = ignore_case;
    return set;
}

struct BenchSubject {
    explicit BenchSubject(bool nginx = true) {
        site.name = "site";
        site.is_nginx_style = nginx;
        connection.client.ip = ip4(192, 0, 2, 7);
        connection.client.port = 4711;
        connection.local.ip = ip4(127, 0, 0, 1);
        connection.local.port = 80;
        around.host_name = "box";
        around.process_id = 99;
        subject.arena = &arena;
        subject.around = &around;
        subject.connection = &connection;
        subject.client = &connection.client;
        subject.local = &connection.local;
        subject.site = &site;
        subject.site_id = 0;
        subject.wall_ms = 1'700'000'000'123;
        subject.now_us = 5'000'000;
    }
    void receive(const std::string& bytes) {
        wire = bytes;
        std::uint32_t resume = 0;
        http::HeadLimits limits;
        limits.underscores = true;
        limits.drop_invalid = false;
        auto result = http::parse_request_head(wire, limits, arena, head, &resume);
        if (result.status != http::ParseStatus::done) throw std::runtime_error(result.why);
        subject.request = &head;
        subject.normalized_path = head.path;
        subject.query = head.query;
    }
    void answer(std::uint16_t status,
                std::vector<std::pair<std::string_view, std::string_view>> fields) {
        response.status = status;
        for (auto& [name, value] : fields) response.fields.add(arena, name, value);
        subject.response = &response;
    }
    Library& made() {
        if (!library) library = std::make_unique<Library>(config);
        return *library;
    }
    Value eval(const ir::Expr& expr) {
        kept.push_back(std::make_unique<ir::Expr>(expr));
        return made().compile(*kept.back()).eval(subject);
    }
    // "(none)" when missing.
    std::string show(const ir::Expr& expr) {
        const Value value = eval(expr);
        return value.exists ? std::string(to_text(value, arena)) : "(none)";
    }
    bool holds(const ir::Expr& expr) {
        kept.push_back(std::make_unique<ir::Expr>(expr));
        return made().compile(*kept.back()).holds(subject);
    }
    std::string render(ir::Text words) {
        kept_texts.push_back(std::make_unique<ir::Text>(std::move(words)));
        return std::string(made().compile(*kept_texts.back()).render(subject));
    }

    Arena arena;
    ir::Config config;
    ir::Site site;
    ConnectionFacts connection;
    Surroundings around;
    Subject subject;
    std::string wire;
    http::RequestHead head;
    http::ResponseHead response;
    std::vector<std::unique_ptr<ir::Expr>> kept;
    std::vector<std::unique_ptr<ir::Text>> kept_texts;
    std::unique_ptr<Library> library;
};

}  // namespace weir::route
