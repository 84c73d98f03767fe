// SPDX-License-Identifier: Apache-2.0
#include "modules/empty_gif/module.hpp"

namespace weir::modules::empty_gif {

namespace {

// GIF89a, one pixel, a palette of two, the first of which is transparent.
constexpr unsigned char image[] = {
    'G', 'I', 'F', '8', '9', 'a', 1, 0, 1, 0, 0x80, 1, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0x21, 0xf9, 4,
    1, 0, 0, 1, 0, 0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x4c, 1, 0, 0x3b};

class Service final : public filter::Service {
public:
    filter::Answer serve(route::Subject& subject, const void*) const override {
        filter::Answer answer;
        const auto method = subject.request->method;
        if (method != http::Method::get && method != http::Method::head) {
            answer.status = 405;
            return answer;
        }
        answer.content_type = "image/gif";
        answer.fields.add(*subject.arena, "Last-Modified", "Mon, 28 Sep 1970 06:00:00 GMT");
        answer.body = {reinterpret_cast<const char*>(image), sizeof image};
        return answer;
    }
};

}  // namespace

const filter::Module& module() {
    static const Service service;
    static const filter::Module made{.name = "empty_gif", .service = &service};
    return made;
}

}  // namespace weir::modules::empty_gif
