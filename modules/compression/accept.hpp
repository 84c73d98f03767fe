// SPDX-License-Identifier: Apache-2.0
// What Accept-Encoding says (RFC 9110 section 12.5.3), and other lists of its form.
#pragma once

#include <string_view>

#include "runtime/http/message.hpp"

namespace weir::modules::compression {

// One element of a list: a word, and its weight in thousandths (1000 where it has none).
struct Weighted {
    std::string_view word;
    int weight = 0;
};

// Goes through the elements of a value.
class WeightedList {
public:
    explicit WeightedList(std::string_view value) : rest_(value) {}
    bool next(Weighted& element);

private:
    std::string_view rest_;
};

// The weight that a request gives a coding by name; 0 where it does not name it.
int weight_of(const http::FieldList& request, std::string_view coding);

// Whether a list such as Cache-Control or Vary holds the word, in any of its lines.
bool lists_word(const http::FieldList& fields, http::FieldId id, std::string_view word);

// The content type without its parameters.
std::string_view type_of(const http::ResponseHead& reply);

}  // namespace weir::modules::compression
