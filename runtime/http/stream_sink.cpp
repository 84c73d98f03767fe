// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/stream_sink.hpp"

namespace weir::http {

bool StreamSink::write_rest_now(net::WriteAll& result, bool end_follows) {
    auto before = result.done;
    bool settled = net::write_all_now(stream_, rest_, result, end_follows);
    sent_ += result.done - before;
    if (rest_.empty()) head.release();
    return settled;
}

net::Task<net::WriteAll> StreamSink::write_rest(net::Time timeout, net::WriteAll so_far) {
    auto before = so_far.done;
    auto result = co_await net::write_all_slowly(stream_, rest_, timeout, so_far);
    sent_ += result.done - before;
    rest_ = {};
    head.release();
    co_return result;
}

}  // namespace weir::http
