// SPDX-License-Identifier: Apache-2.0
#include "runtime/gateway/fastcgi_codec.hpp"

#include <algorithm>
#include <cstring>

namespace weir::gateway {

namespace {

constexpr unsigned version = 1;
constexpr unsigned request_number = 1;
constexpr unsigned responder = 1;
constexpr unsigned keep_connection = 1;
constexpr std::size_t end_content = 8;
// Errors and empty records without end are no answer.
constexpr std::uint16_t most_idle = 10000;

char low(std::size_t number) { return static_cast<char>(number & 0xff); }
char high(std::size_t number) { return static_cast<char>(number >> 8 & 0xff); }

}  // namespace

void write_record_header(char* out, RecordType type, std::size_t content, std::uint8_t padding) {
    out[0] = version;
    out[1] = static_cast<char>(type);
    out[2] = high(request_number);
    out[3] = low(request_number);
    out[4] = high(content);
    out[5] = low(content);
    out[6] = static_cast<char>(padding);
    out[7] = 0;
}

FastcgiParams::FastcgiParams(net::Buffer& out, bool keep) : out_(out) {
    char begin[record_header + 8] = {};
    write_record_header(begin, RecordType::begin_request, 8);
    begin[record_header + 1] = responder;
    begin[record_header + 2] = static_cast<char>(keep ? keep_connection : 0U);
    out_.put({begin, sizeof begin});
    open_record();
}

void FastcgiParams::open_record() {
    record_ = out_.size();
    content_ = 0;
    char header[record_header] = {};
    out_.put({header, sizeof header});
}

void FastcgiParams::close_record(std::uint8_t padding) {
    write_record_header(out_.data() + record_, RecordType::params, content_, padding);
}

// A pair may begin in one record and end in another (section 3.4 with 3.3: PARAMS is a stream).
void FastcgiParams::put(std::string_view bytes) {
    while (!bytes.empty()) {
        if (content_ == most_content) {
            close_record(0);
            open_record();
        }
        auto part = bytes.substr(0, most_content - content_);
        out_.put(part);
        content_ += part.size();
        bytes.remove_prefix(part.size());
    }
}

// One byte up to 127, else four with the highest bit set (section 3.4).
void FastcgiParams::put_length(std::size_t length) {
    char bytes[4];
    if (length < 128) {
        bytes[0] = static_cast<char>(length);
        return put({bytes, 1});
    }
    bytes[0] = static_cast<char>((length >> 24 & 0x7f) | 0x80);
    bytes[1] = static_cast<char>(length >> 16 & 0xff);
    bytes[2] = high(length);
    bytes[3] = low(length);
    put({bytes, 4});
}

void FastcgiParams::begin(std::size_t name, std::size_t value) {
    put_length(name);
    put_length(value);
}

void FastcgiParams::finish() {
    if (content_ != 0) {
        // Aligned, as section 3.3 recommends.
        auto padding = (8 - content_ % 8) % 8;
        close_record(static_cast<std::uint8_t>(padding));
        constexpr char nothing[8] = {};
        out_.put({nothing, padding});
        open_record();
    }
    close_record(0);   // the empty record that ends the stream
}

// What is wrong with the record whose header is complete; null: nothing.
const char* FastcgiDecoder::on_header() {
    auto number = [&](std::size_t at) { return header_[at] << 8 | header_[at + 1]; };
    if (header_[0] != version) return "a record that is not of FastCGI 1";
    if (number(2) != static_cast<int>(request_number)) return "a record of another request";
    type_ = static_cast<RecordType>(header_[1]);
    left_ = static_cast<std::uint16_t>(number(4));
    padding_ = header_[6];
    switch (type_) {
        case RecordType::output:
            if (output_ended_) return "output behind its end";
            output_ended_ = left_ == 0;
            idle_ = 0;
            return nullptr;
        case RecordType::errors: return ++idle_ > most_idle ? "too many records without output" : nullptr;
        case RecordType::end_request: return left_ == end_content ? nullptr : "a malformed end of a request";
        default: return "a record of a type that nobody asked for";
    }
}

FastcgiDecoder::Step FastcgiDecoder::feed(std::string_view data) {
    using What = Step::What;
    Step step;
    auto rest = [&] { return data.substr(step.consumed); };
    auto use = [&](std::size_t most) {
        auto count = std::min(most, rest().size());
        step.consumed += static_cast<std::uint32_t>(count);
        return count;
    };
    for (;;) {
        const char* at = data.data() + step.consumed;
        switch (state_) {
            case State::header: {
                auto count = use(record_header - have_);
                if (count != 0) std::memcpy(header_ + have_, at, count);
                have_ = static_cast<std::uint8_t>(have_ + count);
                if (have_ < record_header) return step;
                have_ = 0;
                if (const char* why = on_header()) {
                    why_ = why;
                    state_ = State::bad;
                    break;
                }
                state_ = State::content;
                if (type_ != RecordType::output || !output_ended_) break;
                step.what = What::output_end;
                return step;
            }
            case State::content: {
                if (left_ == 0) {
                    state_ = State::padding;
                    break;
                }
                if (rest().empty()) return step;
                if (type_ == RecordType::end_request) {
                    auto done = end_content - left_;
                    auto count = use(left_);
                    std::memcpy(end_ + done, at, count);
                    left_ = static_cast<std::uint16_t>(left_ - count);
                    break;
                }
                step.what = type_ == RecordType::output ? What::output : What::errors;
                step.content = static_cast<std::uint32_t>(std::min<std::size_t>(left_, rest().size()));
                return step;
            }
            case State::padding:
                padding_ = static_cast<std::uint8_t>(padding_ - use(padding_));
                if (padding_ != 0) return step;
                state_ = type_ == RecordType::end_request ? State::ended : State::header;
                break;
            case State::ended: step.what = What::end; return step;
            case State::bad:
                step.what = What::bad;
                step.why = why_;
                return step;
        }
    }
}

}  // namespace weir::gateway
