// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "modules/stub_status/module.hpp"

namespace weir::modules::stub_status {

namespace {

class Service final : public filter::Service {
public:
    filter::Answer serve(route::Subject& subject, const void*) const override {
        filter::Answer answer;
        const auto method = subject.request->method;
        if (method != http::Method::get && method != http::Method::head) {
            answer.status = 405;
            return answer;
        }
        const auto& around = *subject.around;
        const auto workers = around.board ? around.board->workers() : around.workers;
        auto sum = [&](auto member) -> std::uint64_t {
            return around.process.slots ? around.process.sum(workers, member) : 0;
        };
        using Counters = zone::Counters;
        const auto active = sum(&Counters::connections);
        const auto accepted = sum(&Counters::total);
        const auto reading = sum(&Counters::reading);
        const auto busy = sum(&Counters::busy);
        // nginx counts a request when it begins. The slots are read one after the other while others
        // write them: a connection may have ended in between.
        const auto requests = sum(&Counters::requests) + busy;
        const auto waiting = active > reading + busy ? active - reading - busy : 0;
        answer.content_type = "text/plain";
        answer.body = subject.arena->copy(fmt::format(
            "Active connections: {} \nserver accepts handled requests\n {} {} {} \n"
            "Reading: {} Writing: {} Waiting: {} \n",
            active, accepted, accepted, requests, reading, busy, waiting));
        return answer;
    }
};

}  // namespace

const filter::Module& module() {
    static const Service service;
    static const filter::Module made{.name = "stub_status", .service = &service};
    return made;
}

}  // namespace weir::modules::stub_status
