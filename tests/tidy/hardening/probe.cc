#include <cstdio>
#include <cstring>

// Enough for each protection to show: a buffer on the stack, and a call of libc whose bound the compiler knows.
int main(int count, char** words) {
  char buffer[32];
  std::strcpy(buffer, words[count - 1]);
  return std::puts(buffer) < 0;
}
