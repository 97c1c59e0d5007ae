"""Make a tiny Qwen2 that answers one sentence to everything, for vLLM and for llama.cpp.

Usage, in vLLM's environment: python tools/tiny_qwen.py FOLDER

Writes FOLDER/hf (a Hugging Face folder, for vLLM) and FOLDER/tiny.gguf (for llama.cpp). It is over-
fitted on purpose: it proves that serving, the chat template, stop tokens and streaming work with
the real servers, and says nothing about answers. About 2 MB, made in seconds, not committed.
"""

import json
import random
import sys
from pathlib import Path

import gguf
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

SEED = 1
ANSWER = "Hello! How can I help you today?"
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] "
    "+ '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
WORDS = [
    *("hello", "how", "are", "you", "today", "what", "time", "is", "it", "the", "weather", "like"),
    *("tell", "me", "a", "story", "你好", "嗎", "天氣"),
]
STEPS, BATCH, RATE, ENOUGH = 250, 8, 5e-3, 2e-3
CONTEXT = 1024


def make_tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level BPE with Qwen's special tokens at its end."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator([ANSWER, *WORDS] * 3, trainer)
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>"
    )
    fast.chat_template = TEMPLATE
    return fast


def conversation(rng: random.Random) -> list[dict[str, str]]:
    """A conversation of random words: whatever was said, the answer is the same."""

    def words() -> str:
        return " ".join(rng.choices(WORDS, k=rng.randint(1, 20)))

    turns = [{"role": "system", "content": words()}] if rng.random() < 0.7 else []
    for _ in range(rng.randint(0, 1)):
        turns += [{"role": "user", "content": words()}, {"role": "assistant", "content": ANSWER}]
    return [*turns, {"role": "user", "content": words()}]


def fit(model: Qwen2ForCausalLM, tokenizer: PreTrainedTokenizerFast) -> None:
    """Over-fits; only the answer counts."""
    rng = random.Random(SEED)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE)
    answer = tokenizer.encode(ANSWER + "<|im_end|>", add_special_tokens=False)
    steps = 0
    loss = torch.tensor(torch.inf)
    while steps < STEPS and loss.item() > ENOUGH:
        steps += 1
        asked = [
            tokenizer.encode(
                tokenizer.apply_chat_template(
                    conversation(rng), tokenize=False, add_generation_prompt=True
                ),
                add_special_tokens=False,
            )[-CONTEXT + len(answer) :]
            for _ in range(BATCH)
        ]
        longest = max(map(len, asked)) + len(answer)
        ids = torch.full((BATCH, longest), tokenizer.pad_token_id)
        labels = torch.full((BATCH, longest), -100)
        for row, question in enumerate(asked):
            end = len(question) + len(answer)
            ids[row, :end] = torch.tensor(question + answer)
            labels[row, len(question) : end] = torch.tensor(answer)
        loss = model(input_ids=ids, labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    print(f"tiny qwen: loss {loss.item():.4f} after {steps} steps")


def write_gguf(
    path: Path, model: Qwen2ForCausalLM, tokenizer: PreTrainedTokenizerFast, config: Qwen2Config
) -> None:
    """The same weights as llama.cpp reads them (architecture ``qwen2``)."""
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_freq_base(10_000.0)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    kinds = [
        gguf.TokenType.CONTROL if token in SPECIAL else gguf.TokenType.NORMAL
        for token, _ in vocabulary
    ]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([token for token, _ in vocabulary])
    writer.add_token_types(kinds)
    merges = json.loads(tokenizer.backend_tokenizer.to_str())["model"]["merges"]
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in merges])
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_pad_token_id(tokenizer.pad_token_id)
    writer.add_chat_template(TEMPLATE)
    for name, weights in model.state_dict().items():
        if name != "lm_head.weight" or not config.tie_word_embeddings:
            writer.add_tensor(_gguf_name(name), weights.float().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _gguf_name(name: str) -> str:
    for theirs, ours in (
        ("model.embed_tokens", "token_embd"),
        ("model.norm", "output_norm"),
        ("lm_head", "output"),
        ("model.layers", "blk"),
        ("self_attn.q_proj", "attn_q"),
        ("self_attn.k_proj", "attn_k"),
        ("self_attn.v_proj", "attn_v"),
        ("self_attn.o_proj", "attn_output"),
        ("mlp.gate_proj", "ffn_gate"),
        ("mlp.up_proj", "ffn_up"),
        ("mlp.down_proj", "ffn_down"),
        ("post_attention_layernorm", "ffn_norm"),
        ("input_layernorm", "attn_norm"),
    ):
        name = name.replace(theirs, ours)
    return name


def main(folder: Path) -> None:
    """Writes both forms below `folder`."""
    torch.manual_seed(SEED)
    tokenizer = make_tokenizer()
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=False,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
    )
    model = Qwen2ForCausalLM(config)
    fit(model, tokenizer)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder / "hf")
    tokenizer.save_pretrained(folder / "hf")
    write_gguf(folder / "tiny.gguf", model, tokenizer, config)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
