// Lua's patterns with a bound on the work: the matcher of Lua's own library may take time exponential in the pattern,
// and nothing can interrupt it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <lua.hpp>
#include <string_view>

#include "plugins/script/state.h"

namespace kstreamd::script {

// Whether the pattern is a single class of characters ("[^%w]", "%s", ","), perhaps with '+'; fills `out`.
bool read_byte_set(std::string_view pattern, ByteSet& out);

// Matches one pattern against one text. Malformed patterns, and more steps than the evaluation has left,
// raise Lua errors. Borrows both texts.
class Matcher {
 public:
  Matcher(lua_State* L, std::string_view text, std::string_view pattern);

  // The first match that begins at `start` or later (only there, if the pattern begins with '^').
  bool find(size_t start, size_t& from, size_t& to);

  // Of the last match. capture(i) pushes capture i from 0; the whole match when there are none and i is 0.
  int captures() const { return level_; }
  void push_capture(int i) const;
  int push_captures(bool whole_if_none) const;

 private:
  static constexpr int kCaptures = 32, kDepth = 200;
  static constexpr ptrdiff_t kOpen = -1, kPosition = -2;
  struct Capture {
    const char* begin;
    ptrdiff_t size;
  };

  const char* match(const char* at, const char* p);
  const char* match_default(const char* at, const char* p, bool& again, const char*& next_at, const char*& next_p);
  const char* match_balance(const char* at, const char* p);
  const char* match_longest(const char* at, const char* p, const char* end_of_class);
  const char* match_shortest(const char* at, const char* p, const char* end_of_class);
  const char* open_capture(const char* at, const char* p, ptrdiff_t size);
  const char* close_capture(const char* at, const char* p);
  const char* match_back_reference(const char* at, char digit);
  bool matches_one(const char* at, const char* p, const char* end_of_class);
  const char* class_end(const char* p) const;
  void step();

  lua_State* const L_;
  const char* const text_;
  const char* const text_end_;
  const char* pattern_;
  const char* const pattern_end_;
  bool anchored_ = false;
  int depth_ = 0;
  int64_t& steps_left_;  // of the whole evaluation
  int level_ = 0;
  Capture captures_[kCaptures];
  const char* found_from_ = nullptr;
  const char* found_to_ = nullptr;
};

}  // namespace kstreamd::script
