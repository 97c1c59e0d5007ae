import type { enBroken, enErrors } from "./en.errors";

/** What failed, and what to do about it. */
export const zhTWErrors: typeof enErrors = {
  details: "詳細資訊",
  dismiss: "關閉",
  retryAfter: "約 {{seconds}} 秒後可以再試。",
  BAD_MESSAGE: {
    title: "伺服器看不懂這個頁面送出的內容。",
    advice: "請重新載入頁面，它可能比伺服器舊。",
  },
  BAD_AUDIO: {
    title: "無法讀取錄音。",
    advice: "請再說一次。若每次都發生，請在設定中改用另一種麥克風格式。",
  },
  NO_SPEECH: { title: "沒有聽到聲音。", advice: "請靠近麥克風一些，並在說話時按住按鈕。" },
  BUFFER_OVERFLOW: { title: "這段話太長了。", advice: "請分成幾段說。" },
  TOO_MANY_CHUNKS: { title: "這段話太長了。", advice: "請分成幾段說。" },
  AUDIO_TIMEOUT: { title: "錄音中途停止了。", advice: "請檢查麥克風，再說一次。" },
  ALREADY_PROCESSING: { title: "一次一句就好。", advice: "上一句還在辨識，請稍候再試。" },
  SERVER_FULL: { title: "使用人數已滿。", advice: "目前有其他人在使用，頁面會自動重試。" },
  UNAUTHORIZED: { title: "需要金鑰才能登入。", advice: "請向管理者索取存取金鑰。" },
  FORBIDDEN: {
    title: "這裡不允許這麼做。",
    advice: "請以 AVATAR 自己的網址開啟，或洽詢管理者。",
  },
  NOT_FOUND: { title: "已經不在了。", advice: "它可能已被刪除。" },
  CONFLICT: { title: "已經不能更改了。", advice: "只有最後一輪可以更正。" },
  RATE_LIMITED: { title: "操作太頻繁。", advice: "請稍候再試。" },
  PAYLOAD_TOO_LARGE: { title: "內容太大了。", advice: "請送短一點的內容。" },
  UNSUPPORTED_LANGUAGE: {
    title: "目前的引擎不懂這種語言。",
    advice: "請改用打字，或請管理者安裝支援的引擎。",
  },
  STT_UNAVAILABLE: {
    title: "語音辨識沒有回應。",
    advice: "請再試一次，或改用打字。狀態頁會顯示哪裡停擺。",
  },
  LLM_UNAVAILABLE: { title: "語言模型沒有回應。", advice: "請再試一次。狀態頁會顯示哪裡停擺。" },
  TTS_UNAVAILABLE: {
    title: "語音合成沒有回應。",
    advice: "您仍可閱讀回答。狀態頁會顯示哪裡停擺。",
  },
  PROFILE_UNAVAILABLE: {
    title: "儲存服務沒有回應。",
    advice: "您可以繼續對話，但這段可能不會保留。",
  },
  STORAGE_FULL: { title: "磁碟已滿。", advice: "管理者需要先清出空間，才能繼續保存。" },
  VOICE_NOT_LOADED: { title: "選擇的聲音尚未載入。", advice: "請再試一次，或選擇其他聲音。" },
  INTERNAL: { title: "AVATAR 出了點問題。", advice: "請再試一次；若持續發生，請告訴管理者。" },
  NETWORK: { title: "連不上伺服器。", advice: "請確認 AVATAR 正在執行，然後再試一次。" },
};

/** Why a page is not there. */
export const zhTWBroken: typeof enBroken = {
  unreachable: {
    title: "無法載入這個頁面：連不上伺服器。",
    advice: "請確認 AVATAR 正在執行，然後再試一次。",
  },
  missing: {
    title: "伺服器上找不到這個頁面。",
    advice: "已重新載入 AVATAR，仍然找不到。管理者可能需要重新安裝。",
  },
  crashed: {
    title: "無法顯示這個頁面。",
    advice: "請再試一次；若持續發生，請把詳細資訊告訴管理者。",
  },
};
