// SPDX-License-Identifier: Apache-2.0
// The chunked coding (RFC 9112 section 7.1), strict: hexadecimal digits only, CRLF exactly,
// trailers that are fields and can't pass for fields of the head.
#include <cstring>

#include "runtime/http/h1_codec.hpp"
#include "runtime/http/scan.hpp"

namespace weir::http {

namespace {

// Extensions are paid for by body bytes; beyond that a peer may spend this much over the whole
// body.
constexpr std::uint32_t most_extension_bytes = 16384;
constexpr std::uint32_t most_trailer_bytes = 16384;

unsigned digit_value(char byte) {
    return byte <= '9' ? static_cast<unsigned>(byte - '0')
                       : static_cast<unsigned>((byte | 0x20) - 'a' + 10);
}

// RFC 9110 section 6.5.1: a recipient that merges trailers into the head would change the framing
// or the routing of the message.
bool forbidden_in_trailers(FieldId id) {
    switch (id) {
        case FieldId::content_length:
        case FieldId::transfer_encoding:
        case FieldId::host:
        case FieldId::connection:
        case FieldId::upgrade:
        case FieldId::te:
        case FieldId::trailer: return true;
        default: return false;
    }
}

}  // namespace

const char* ChunkedDecoder::on_size_line_end() {
    std::uint64_t paid = left_ < extension_bytes_ ? left_ : extension_bytes_;
    extension_bytes_ -= static_cast<std::uint32_t>(paid);
    digits_ = 0;
    state_ = left_ ? State::body : State::trailer_start;
    return nullptr;
}

// The states up to the line end of a chunk size.
const char* ChunkedDecoder::on_size(char byte) {
    if (state_ == State::size_lf)
        return byte == '\n' ? on_size_line_end() : "a chunk size that does not end with CRLF";
    if (state_ == State::size_first || state_ == State::size) {
        if (class_of(byte) & byte_hex) {
            if (digits_ == 16) return "a chunk size of more than 16 digits";
            left_ = left_ << 4 | digit_value(byte);
            ++digits_;
            state_ = State::size;
            return nullptr;
        }
        if (state_ == State::size_first) return "a chunk without a size";
        if (left_ > INT64_MAX) return "a chunk larger than 2^63-1 bytes";
    }
    if (byte == '\r') {
        state_ = State::size_lf;
        return nullptr;
    }
    if (++extension_bytes_ > most_extension_bytes) return "too many bytes of chunk extensions";
    if (state_ == State::extension)
        return is_control(byte) ? "a control byte in a chunk extension" : nullptr;
    // Blanks may follow the size: before an extension by grammar, else as padding of old servers.
    if (byte == ' ' || byte == '\t')
        state_ = State::size_space;
    else if (byte == ';')
        state_ = State::extension;
    else
        return "a chunk size that is not hexadecimal";
    return nullptr;
}

const char* ChunkedDecoder::on_trailer(char byte) {
    if (++trailer_bytes_ > most_trailer_bytes) return "trailers longer than the limit";
    switch (state_) {
        case State::trailer_start:
            if (byte == '\r') {
                state_ = State::end_lf;
                return nullptr;
            }
            name_size_ = 0;
            state_ = State::trailer_name;
            if (byte == ':') return "an empty name in a trailer";
            [[fallthrough]];
        case State::trailer_name:
            if (byte == ':') {
                bool known = name_size_ <= sizeof name_;
                if (known && forbidden_in_trailers(field_id({name_, name_size_})))
                    return "a field that may not be a trailer";
                state_ = State::trailer_value;
                return nullptr;
            }
            if (!(class_of(byte) & byte_any_token)) return "a malformed name in a trailer";
            if (name_size_ < sizeof name_) name_[name_size_] = byte;
            if (name_size_ <= sizeof name_) ++name_size_;
            return nullptr;
        case State::trailer_value:
            if (byte == '\r')
                state_ = State::trailer_lf;
            else if (is_control(byte))
                return "a control byte in a trailer";
            return nullptr;
        case State::trailer_lf:
            state_ = State::trailer_start;
            return byte == '\n' ? nullptr : "a trailer that does not end with CRLF";
        default:
            state_ = State::end;
            return byte == '\n' ? nullptr : "a chunked body that does not end with CRLF";
    }
}

const char* ChunkedDecoder::on_byte(char byte) {
    switch (state_) {
        case State::size_first:
        case State::size:
        case State::size_space:
        case State::extension:
        case State::size_lf: return on_size(byte);
        case State::body_cr:
            state_ = State::body_lf;
            return byte == '\r' ? nullptr : "a chunk longer than its size";
        case State::body_lf:
            state_ = State::size_first;
            return byte == '\n' ? nullptr : "a chunk that does not end with CRLF";
        case State::trailer_start:
        case State::trailer_name:
        case State::trailer_value:
        case State::trailer_lf:
        case State::end_lf: return on_trailer(byte);
        case State::body:
        case State::end:
        case State::bad: break;
    }
    return "a chunked body that was refused before";
}

ChunkedDecoder::Step ChunkedDecoder::feed(std::string_view data) {
    using What = Step::What;
    auto in_trailers = [this] { return state_ >= State::trailer_start && state_ <= State::end_lf; };
    std::uint32_t first = in_trailers() ? 0 : UINT32_MAX;   // byte of the trailers
    for (std::uint32_t at = 0;; ++at) {
        if (state_ == State::body && left_ == 0) state_ = State::body_cr;
        auto trailers = at > first ? at - first : 0;
        if (state_ == State::end) return {What::end, at, trailers, 0, ""};
        if (at == data.size()) return {What::more, at, trailers, 0, ""};
        if (state_ == State::body) {
            std::uint64_t here = data.size() - at;
            if (here > left_) here = left_;
            left_ -= here;
            return {What::body, at, 0, here, ""};
        }
        if (const char* why = on_byte(data[at])) {
            state_ = State::bad;
            return {What::bad, at, 0, 0, why};
        }
        if (first == UINT32_MAX && in_trailers()) first = at + 1;
    }
}

std::uint32_t write_chunk_size(char* out, std::uint64_t size) {
    static constexpr char digits[] = "0123456789abcdef";
    char reversed[16];
    std::uint32_t count = 0;
    do {
        reversed[count++] = digits[size & 15];
        size >>= 4;
    } while (size);
    for (std::uint32_t i = 0; i < count; ++i) out[i] = reversed[count - 1 - i];
    out[count] = '\r';
    out[count + 1] = '\n';
    return count + 2;
}

}  // namespace weir::http
