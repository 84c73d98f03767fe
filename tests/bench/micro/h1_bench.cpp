// SPDX-License-Identifier: Apache-2.0
// What the HTTP/1 codec costs by itself: a usual request of 400 bytes and 8 fields, a response, the
// field names, and a chunked body. Run with Google Benchmark on a quiet core.
#include <benchmark/benchmark.h>

#include <string>

#include "runtime/http/h1_codec.hpp"

namespace weir::http {
namespace {

const std::string request =
    "GET /static/images/logo.png?version=20260101 HTTP/1.1\r\n"
    "Host: www.example.org\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: image/avif,image/webp,*/*;q=0.8\r\n"
    "Accept-Language: en-US,en;q=0.5\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n"
    "Referer: http://www.example.org/some/page.html\r\n"
    "Connection: keep-alive\r\n"
    "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n\r\n";

const std::string response =
    "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sat, 21 Nov 2026 07:00:00 GMT\r\n"
    "Content-Type: application/octet-stream\r\nContent-Length: 1024\r\n"
    "Last-Modified: Sat, 21 Nov 2026 06:00:00 GMT\r\nConnection: keep-alive\r\n"
    "ETag: \"655c5d80-400\"\r\nAccept-Ranges: bytes\r\n\r\n";

void parse_request(benchmark::State& state) {
    for (auto _ : state) {
        Arena arena;
        RequestHead head;
        std::uint32_t resume = 0;
        auto result = parse_request_head(request, {}, arena, head, &resume);
        if (result.status != ParseStatus::done) state.SkipWithError(result.why);
        benchmark::DoNotOptimize(head);
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * request.size()));
}
BENCHMARK(parse_request);

void parse_response(benchmark::State& state) {
    for (auto _ : state) {
        Arena arena;
        ResponseHead head;
        std::uint32_t resume = 0;
        auto result = parse_response_head(response, {}, arena, Method::get, head, &resume);
        if (result.status != ParseStatus::done) state.SkipWithError(result.why);
        benchmark::DoNotOptimize(head);
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * response.size()));
}
BENCHMARK(parse_response);

void look_up_field(benchmark::State& state) {
    const std::string_view names[] = {"Host", "User-Agent", "Accept-Encoding", "X-Request-Id"};
    for (auto _ : state)
        for (auto name : names) benchmark::DoNotOptimize(field_id(name));
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * 4));
}
BENCHMARK(look_up_field);

void decode_chunks(benchmark::State& state) {
    std::string body;
    for (int i = 0; i < 16; ++i) body += "400\r\n" + std::string(1024, 'x') + "\r\n";
    body += "0\r\n\r\n";
    for (auto _ : state) {
        ChunkedDecoder decoder;
        std::string_view rest = body;
        while (!decoder.ended()) {
            auto step = decoder.feed(rest);
            rest.remove_prefix(step.consumed + step.body);
            benchmark::DoNotOptimize(step);
        }
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * 17));
}
BENCHMARK(decode_chunks);

}  // namespace
}  // namespace weir::http

BENCHMARK_MAIN();
